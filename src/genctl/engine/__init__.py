"""Training and sampling, once for all families."""
