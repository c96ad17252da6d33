"""The metrics: one file each, in a folder for each kind of output.

`genctl.registry.metrics` finds them.
"""
