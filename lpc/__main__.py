"""`python -m lpc` is the command `pylpc`."""

from __future__ import annotations

import sys

from lpc.cli import main

if __name__ == "__main__":
    sys.exit(main())
