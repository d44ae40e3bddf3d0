"""Where the packaged mudlib (`lib/`) and the packaged headers (`include/`) are.

An installed wheel carries both inside the package (`lpc/_data/`); in a checkout they stand beside it.
"""

from __future__ import annotations

import os


def _folder(name: str) -> str:
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "_data", name)
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), name)


def library_folder() -> str:
    """The host path of the packaged mudlib."""
    return _folder("lib")


def include_folder() -> str:
    """The host path of the packaged LPC headers."""
    return _folder("include")
