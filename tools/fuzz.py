"""Fuzz what genctl reads with atheris: each reader of ``tests/fuzz/readers.py`` for some time.

A finding is anything but a result or a `GenctlError` of one line, more than 2 GiB of memory, 20
seconds for one file, or an attempt to run something. The file that caused it stays in ``fuzz/``.

    python tools/fuzz.py --seconds 600              # every reader
    python tools/fuzz.py --seconds 60 "labels.csv"
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
MEMORY_MB, LONGEST = 2048, 20
FUZZER = "--fuzzer"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("readers", nargs="*", help="left out: all")
    parser.add_argument("--seconds", type=int, default=600, help="for each reader")
    options = parser.parse_args()
    from tests.fuzz.readers import READERS

    found = []
    for name in options.readers or READERS:
        command = [sys.executable, __file__, FUZZER, name, str(options.seconds)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        runs = re.findall(r"(?:stat::number_of_executed_units:|Done) +(\d+)", ended.stderr)
        print(f"{name}: {int(runs[-1]) if runs else 0:,} files", flush=True)
        if ended.returncode:
            found.append(name)
            print(ended.stderr[-4000:], file=sys.stderr)
    print(f"findings in {', '.join(found)}" if found else "no findings")
    return 1 if found else 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["genctl"]):
        import genctl.api.models.loading
        import genctl.data.images.open_source
        import genctl.data.text.files
        import genctl.data.text.tokenizer
        import genctl.engine.training.checkpoint
        import genctl.evaluation.statistics_file  # noqa: F401
        from tests.fuzz.readers import READERS, attempt

    reader = READERS[name]
    folder = ROOT / "fuzz" / re.sub(r"\W+", "-", name)
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    (folder / "corpus" / "good").write_bytes(reader.valid())

    def look(content: bytes) -> None:
        attempt(reader, content)

    limits = [f"-rss_limit_mb={MEMORY_MB}", f"-timeout={LONGEST}", f"-max_total_time={seconds}"]
    paths = [f"-artifact_prefix={folder}/", str(folder / "corpus")]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", *paths], look)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == [FUZZER]:
        fuzz(sys.argv[2], int(sys.argv[3]))
    sys.exit(main())
