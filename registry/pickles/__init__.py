"""Read a pickle without obeying it: nothing in it is imported, nothing is called."""
