"""The functions of ``import genctl``: one a verb, silent, each with an example."""
