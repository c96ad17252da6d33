#!/bin/sh
# Makes .venv with the first Python here that is new enough and for which pip finds a build of the
# pinned torch. Asking the index downloads nothing.
set -eu
pin=$(sed -n 's/^torch==//p' constraints.txt)

for python in python3.13 python3.12 python3.11 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$python" -m venv .venv >/dev/null 2>&1 &&
        .venv/bin/python -m pip index versions torch 2>/dev/null | grep -Fqw "$pin"; then
        echo "made .venv with $("$python" --version)"
        exit 0
    fi
    rm -rf .venv
done

echo "genctl needs Python 3.11 or later with venv, and a build of torch $pin for it that pip" \
    "can reach: install Python 3.13, then run make again" >&2
exit 1
