"""Metrics of music; none so far."""
