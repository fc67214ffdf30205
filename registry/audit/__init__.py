"""Is what we stored still what we stored?"""
