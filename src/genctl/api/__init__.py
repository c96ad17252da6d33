"""The SDK: wires configuration, runs, data, families, engine, evaluation and export together."""
