"""``python -m genctl``: the command line."""

from __future__ import annotations

import sys

from genctl.cli import main

sys.exit(main())
