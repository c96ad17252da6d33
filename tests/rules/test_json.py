"""One function writes JSON, so that no document holds NaN or half a character."""

from __future__ import annotations

import ast
from pathlib import Path

import genctl

ROOT = Path(genctl.__file__).parent
WRITERS = {
    "documents.py": "the one function",
    "api/models/cards.py": "a value as it is typed",
    "data/images/source.py": "hashed",
    "data/text/token_bytes.py": "searched",
    "data/text/token_cache.py": "hashed",
    "engine/parallel/commands.py": "read by another process",
    "engine/parallel/process_group.py": "read by another process, which needs NaN",
    "errors.py": "quotes a value, and a message to another process",
    "evaluation/cache.py": "shapes and remarks",
    "export/decoder/llama_cpp.py": "read by another process",
    "weights.py": "hashed",
}
"""Module -> what its JSON is, if not a document."""


def test_no_other_module_writes_json() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("dump", "dumps")
        and isinstance(node.value, ast.Name)
        and node.value.id == "json"
    }
    assert found == WRITERS.keys()
