"""Metrics of embeddings; none so far."""
