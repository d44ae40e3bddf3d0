"""Runs the example of CoAP: the thermometer and its reader, and libcoap's client where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from running import PATIENCE, PROJECT, Running, run

EXAMPLE = PROJECT / "examples" / "coap_sensor.c"
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def coap(*args: str) -> str:
    """What libcoap's client prints."""
    return subprocess.run(["coap-client-notls", "-v", "1", "-B", "20", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=True, timeout=PATIENCE).stdout


@LOOPS
@pytest.mark.skipif(shutil.which("coap-client-notls") is None, reason="not installed: coap-client-notls")
def test_a_thermometer_and_its_reader(mudlib_copy: Path, loop: str) -> None:
    with Running("--loop", loop, "--mudlib", mudlib_copy, EXAMPLE, "0") as sensor:
        url = sensor.line()
        with Running("--loop", loop, "--mudlib", mudlib_copy, EXAMPLE, "watch", url) as reader:
            assert sensor.line().endswith(" GET /temperature")
            assert reader.line() == "21.5 degrees"
            coap("-m", "put", "-e", "25.5", url)
            assert reader.line() == "25.5 degrees"
            assert coap(url) == "25.5\n"
            assert "4.00" in coap("-m", "put", "-e", "hot", url)
            assert "4.05" in coap("-m", "delete", url)
            base = url.removesuffix("/temperature")
            assert coap(f"{base}/.well-known/core").startswith("</temperature>;rt=")
            status, rest, errors = sensor.stop()
            assert (status, errors) == (0, "")
            assert len(rest) == 5
            assert reader.line() == "No news: 5.03 the server ends"
            reader.process.wait(PATIENCE)  # nothing is left to wait for
            assert reader.process.returncode == 0


def test_nobody_there(mudlib_copy: Path) -> None:
    done = run("--mudlib", mudlib_copy, EXAMPLE, "watch", "http://example.org/")
    assert (done.stdout, done.returncode) == ("Cannot ask: No CoAP address: http://example.org/\n", 1)
    done = run("--mudlib", mudlib_copy, EXAMPLE, "watch", "coap://192.0.2.1/")
    assert done.returncode == 1
    assert "--allow-net=192.0.2.1:5683" in done.stdout
