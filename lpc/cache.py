"""Compiled programs on disk.

An entry is found by a digest of everything known before compiling (source, macros, efuns, versions) and used
only if all it depends on besides (included files, parents, overrides) is as it was. An entry holds a digest
of itself: a damaged one is as good as none. Entries are written beside and renamed into place, so
processes may share the folder. No fault of the cache ever reaches the caller.
"""

from __future__ import annotations

import marshal
import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Any

_MAGIC = b"pylpc\x00\x01\n"
_DIGEST = 20
_MOST_ENTRIES = 4000


def digest(*parts: bytes | str) -> str:
    """A hex digest of parts, each counted with its length."""
    made = blake2b(digest_size=_DIGEST)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        made.update(b"%d:" % len(data))
        made.update(data)
    return made.hexdigest()


class Cache:
    """A folder of entries. Values are what `marshal` can write: tuples, strings, numbers, code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> Any:
        """The value kept under a key; None where there is none, or none that can be trusted."""
        try:
            data = (self.folder / key[:2] / key).read_bytes()
            head, payload = data[: len(_MAGIC) + _DIGEST], data[len(_MAGIC) + _DIGEST :]
            if head != _MAGIC + blake2b(payload, digest_size=_DIGEST, key=key.encode()[:64]).digest():
                return None
            return marshal.loads(payload)
        except (OSError, ValueError, EOFError, TypeError):
            return None

    def write(self, key: str, value: Any) -> None:
        """Keep a value under a key, if the folder can be written."""
        try:
            payload = marshal.dumps(value)
            seal = blake2b(payload, digest_size=_DIGEST, key=key.encode()[:64]).digest()
            target = self.folder / key[:2] / key
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".")
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + seal + payload)
            os.replace(temporary, target)
            self._prune(target.parent)
        except (OSError, ValueError):
            return

    def _prune(self, folder: Path) -> None:
        """Keep one of the 256 subfolders from growing for ever: the oldest entries go."""
        entries = sorted(folder.iterdir(), key=lambda entry: entry.stat().st_mtime)
        for entry in entries[: max(0, len(entries) - _MOST_ENTRIES // 256)]:
            entry.unlink(missing_ok=True)
