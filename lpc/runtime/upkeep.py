"""Where an object keeps when it is to be reset and cleaned up: keys of `LPCObject.extra`, by the driver's clock."""

from __future__ import annotations

RESET_DUE = "reset_due"
CLEAN_UP_DUE = "clean_up_due"
TOUCHED = "touched"
