"""The functions of ``import genctl``, one per verb; they print nothing and each has an example."""
