"""Training and sampling, shared by all families."""
