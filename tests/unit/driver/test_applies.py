from __future__ import annotations

import re
from pathlib import Path

from lpc.driver import applies
from lpc.prototype import parse_prototype

DRIVER = Path(applies.__file__).parent
_CALL = re.compile(r'(?:ask|tell,?|defines)[( ](?:\w+, )?"(\w+)"')


def test_names_are_unique_and_prototypes_are_prototypes() -> None:
    names = [(row.kind, row.name) for row in applies.APPLIES]
    assert len(names) == len(set(names))
    for row in applies.APPLIES:
        assert parse_prototype(row.prototype).name == row.name


def test_the_driver_calls_no_apply_that_the_table_lacks() -> None:
    called = {
        name
        for file in DRIVER.glob("*.py")
        for name in _CALL.findall(file.read_text(encoding="utf-8"))
    }
    assert {"valid_object", "log_error", "error_handler", "create", "flag", "main"} <= called
    assert called <= {row.name for row in applies.APPLIES}


def test_the_page_lists_every_apply() -> None:
    (page,) = applies.reference_page().values()
    for row in applies.APPLIES:
        assert f"`{row.prototype}`" in page
