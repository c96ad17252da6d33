"""What happens to the samples of a model: one folder per kind of output."""
