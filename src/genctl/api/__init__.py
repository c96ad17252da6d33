"""The SDK: connects configuration, runs, data, families, engine, evaluation and export."""
