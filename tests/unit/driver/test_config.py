from __future__ import annotations

from pathlib import Path

import pytest

from lpc.driver.config import load_fluffos, load_toml, with_limit
from lpc.errors import ConfigError
from lpc.runtime.budget import Limits


def toml(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "pylpc.toml"
    file.write_text(text)
    return load_toml(str(file))


def test_everything_a_toml_file_can_say(tmp_path: Path) -> None:
    config = toml(tmp_path, """
        mudlib = "mud"
        include = ["/include", "/inc"]
        master = "/m"
        simul_efun = "/s"
        global_include = "<g.h>"
        name = "N"
        error_handler = false
        heart_beat_interval = 1
        bus = ["mqtt://one:1883", " two", ""]
        writable = ["log", "/data/"]
        [limits]
        evaluation_time = 2
        array_size = 10
        [permissions]
        allow-net = ["example.com:443", "h2"]
        allow-read = ["data"]
        deny-run = true
        allow-env = false
        [mounts]
        "/data" = "d"
        "/out" = { path = "/srv/out", write = true }
        [external]
        cat = "/bin/cat"
        tail = ["/usr/bin/tail", "-f"]
    """)
    assert config.mudlib == str(tmp_path / "mud")
    assert config.include == ("/include", "/inc")
    assert (config.master, config.simul_efun, config.global_include, config.name) == ("/m", "/s", "<g.h>", "N")
    assert not config.error_handler
    assert config.heart_beat_interval == 1.0
    assert config.bus == ("mqtt://one:1883", "two")
    assert config.writable == ("log", "data")
    assert (config.limits.evaluation_time, config.limits.array_size) == (2.0, 10)
    assert config.permissions.allows_net("example.com", 443)
    assert config.permissions.allows_path("read", str(tmp_path / "data" / "x"))
    assert not config.permissions.allows_run("cat")
    assert not config.permissions.allows_env("cat")
    assert [(m.prefix, m.host, m.writable) for m in config.mounts] == [
        ("/data", str(tmp_path / "d"), False), ("/out", "/srv/out", True)]
    assert config.external == {"cat": ("/bin/cat",), "tail": ("/usr/bin/tail", "-f")}


@pytest.mark.parametrize("text, complaint", [
    ("mudlb = 'x'", "unknown setting 'mudlb'; did you mean 'mudlib'"),
    ("mudlib = 3", "'mudlib' must be a string, not a number"),
    ("include = 'x'", "'include' must be a list of strings, not a string"),
    ("include = [1]", "'include' must be a list of strings"),
    ("error_handler = 1", "'error_handler' must be true or false"),
    ("heart_beat_interval = 0", "must be more than 0"),
    ("bus = ['http://x']", "'bus': a broker is mqtt://HOST[:PORT] or mqtts://HOST[:PORT], not 'http://x'"),
    ("bus = 'mqtt://x'", "'bus' must be a list of strings"),
    ("[limits]\narray_sze = 1", "unknown limit 'array_sze'; did you mean 'array_size'"),
    ("[limits]\narray_size = 1.5", "must be a whole number"),
    ("[limits]\narray_size = true", "must be a number"),
    ("[limits]\narray_size = -1", "must be more than 0"),
    ("[permissions]\nallow-nett = true", "unknown permission"),
    ("[permissions]\nallow-net = 'x'", "must be a list of strings"),
    ("[mounts]\nx = 'y'", "must start with '/'"),
    ("[mounts]\n'/x' = {}", "must be a path"),
    ("[mounts]\n'/x' = {path='a', wrte=true}", "unknown setting 'mounts./x.wrte'"),
    ("[external]\nx = 'cat'", "must be an absolute path"),
    ("[external]\nx = []", "must name a program"),
    ("= 3", "pylpc.toml"),
])
def test_complaints_name_the_setting(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        toml(tmp_path, text)
    assert complaint in str(error.value)
    assert "pylpc.toml" in str(error.value)


def test_a_missing_file_is_a_complaint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_toml(str(tmp_path / "none.toml"))


def test_the_pyproject_table(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\nname='x'\n[tool.pylpc]\nname='P'\n")
    assert load_toml(str(file)).name == "P"


def test_limits_by_name() -> None:
    assert with_limit(Limits(), "evaluation_time", "0.5").evaluation_time == 0.5
    assert with_limit(Limits(), "sockets", "3").sockets == 3
    for name, text in (("sockets", "x"), ("sockets", "1.5"), ("sockets", "0"), ("nope", "1"), ("memory", "nan")):
        with pytest.raises(ConfigError):
            with_limit(Limits(), name, text)


FLUFFOS = """\
# a comment
name : A Mud
mudlib directory : mud
include directories : /include:/secure/include
master file : /single/master
simulated efun file : /single/simul_efun
global include file : <globals.h>
maximum evaluation cost : 500000
maximum array size : 15000
Mudlib  Error Handler : 0
heartbeat interval msec : 1500
port number : 4000
external_port_2 : websocket 4001
external_port_2_tls : cert=a key=b
external_cmd_1 : /bin/cat -u
time to clean up : 600
frobnicate : 1
"""


def test_a_fluffos_file(tmp_path: Path) -> None:
    file = tmp_path / "config.mud"
    file.write_text(FLUFFOS)
    config = load_fluffos(str(file))
    assert config.name == "A Mud"
    assert config.mudlib == str(tmp_path / "mud")
    assert config.include == ("/include", "/secure/include")
    assert (config.master, config.simul_efun) == ("/single/master", "/single/simul_efun")
    assert config.global_include == "<globals.h>"
    assert config.limits.evaluation_time == 0.5
    assert config.limits.array_size == 15000
    assert not config.error_handler
    assert config.heart_beat_interval == 1.5
    assert config.ports == ("4000 telnet", "4001 websocket")
    assert config.external == {"1": ("/bin/cat", "-u")}
    assert config.settings["time to clean up"] == "600"
    assert config.writable is True
    assert len(config.warnings) == 1 and "config.mud:17" in config.warnings[0] and "frobnicate" in config.warnings[0]


def test_a_fluffos_line_without_colon_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "c"
    file.write_text("master file : /m\nnonsense\nmudlib directory : /m\n")
    config = load_fluffos(str(file))
    assert config.master == "/m"
    assert len(config.warnings) == 1 and "c:2: not a 'key : value' line, ignored: nonsense" in config.warnings[0]


@pytest.mark.parametrize("text, complaint", [
    ("master file : /m", "no 'mudlib directory'"),
    ("mudlib directory : /m", "no 'master file'"),
    ("maximum array size : many", "must be a whole number"),
])
def test_unusable_fluffos_files(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "c"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_fluffos(str(file))
