"""Where each UI keeps which type of model; one module a UI."""
