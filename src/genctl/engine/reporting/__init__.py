"""What a training reports: the progress bar, and loggers of its metrics."""
