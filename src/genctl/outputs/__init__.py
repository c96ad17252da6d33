"""What becomes of what models generate: one folder a kind of output."""
