"""Which kinds of models exist.

A model type or an architecture is one file in `model_types/` or `architectures/`; nothing else
knows their list. Names are slugs, not an enum: an unknown one lives on as it is.
"""
