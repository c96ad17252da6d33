"""Networks that turn images into the features a metric compares."""
