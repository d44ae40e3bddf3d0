from __future__ import annotations

import pytest

from lpc.driver.permissions import KINDS, Permissions, is_loopback
from lpc.errors import ConfigError


def test_by_default_only_loopback_is_reached_and_served() -> None:
    permissions = Permissions()
    assert permissions.allows_net("127.0.0.1", 80)
    assert permissions.allows_net("127.9.9.9", 80)
    assert permissions.allows_net("::1", 80)
    assert permissions.allows_listen("localhost", 8080)
    assert not permissions.allows_net("192.0.2.1", 80)
    assert not permissions.allows_listen("0.0.0.0", 8080)
    assert not permissions.allows_run("cat")
    assert not permissions.allows_env("HOME")


def test_a_refusal_names_the_flag_that_would_help() -> None:
    permissions = Permissions()
    assert not permissions.allows_net("example.com", 443)
    assert "--allow-net=example.com:443" in permissions.refusal
    assert not permissions.allows_listen("::", 80)
    assert "--allow-listen=[::]:80" in permissions.refusal
    assert not permissions.allows_run("git")
    assert "--allow-run=git" in permissions.refusal


@pytest.mark.parametrize("item, host, port, allowed", [
    ("example.com", "example.com", 1, True),
    ("example.com", "EXAMPLE.com.", 1, True),
    ("example.com", "www.example.com", 1, False),
    ("*.example.com", "www.example.com", 1, True),
    ("*.example.com", "evilexample.com", 1, False),
    ("example.com:80", "example.com", 80, True),
    ("example.com:80", "example.com", 81, False),
    (":80", "anything", 80, True),
    ("80", "anything", 80, True),
    ("10.0.0.0/8", "10.1.2.3", 5, True),
    ("10.0.0.0/8", "11.1.2.3", 5, False),
    ("[2001:db8::1]:80", "2001:db8::1", 80, True),
    ("[2001:db8::1]:80", "2001:db8::1", 81, False),
    ("2001:db8::1", "2001:0db8::1", 81, True),
    ("10.0.0.0/8", "::ffff:10.1.2.3", 5, True),
])
def test_addresses(item: str, host: str, port: int, allowed: bool) -> None:
    assert Permissions.parse([f"--allow-net={item}"]).allows_net(host, port) is allowed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flags", [
    ["--allow-{}", "--deny-{}"], ["--deny-{}", "--allow-{}"], ["-A", "--deny-{}"], ["--deny-{}", "-A"],
    ["--allow-{}=1", "--deny-{}"],
])
def test_deny_wins_in_every_global_form(kind: str, flags: list[str]) -> None:
    permissions = Permissions.parse(flag.format(kind) for flag in flags)
    asked = {
        "net": lambda: permissions.allows_net("127.0.0.1", 1),
        "listen": lambda: permissions.allows_listen("127.0.0.1", 1),
        "run": lambda: permissions.allows_run("1"), "env": lambda: permissions.allows_env("1"),
    }.get(kind, lambda: permissions.allows_path(kind, "/x", by_default=True))
    assert not asked()
    assert f"--deny-{kind}" in permissions.refusal


def test_a_deny_of_one_item_leaves_the_others() -> None:
    permissions = Permissions.parse(["-A", "--deny-net=192.0.2.0/24"])
    assert permissions.allows_net("198.51.100.1", 80)
    assert not permissions.allows_net("192.0.2.7", 80)


def test_a_name_is_judged_by_what_it_resolved_to() -> None:
    permissions = Permissions.parse(["--allow-net=example.com", "--deny-net=10.0.0.0/8"])
    assert permissions.allows_net("example.com", 80, "198.51.100.1")
    assert not permissions.allows_net("example.com", 80, "10.0.0.1")  # DNS rebinding
    assert not Permissions().allows_net("localhost", 80, "198.51.100.1")


def test_paths_are_real_and_whole_components(tmp_path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    permissions = Permissions.parse([f"--allow-read={tmp_path}/link"])
    assert permissions.allows_path("read", f"{tmp_path}/data/file")
    assert not permissions.allows_path("read", f"{tmp_path}/database")


def test_a_bare_deny_does_not_stop_the_driver_from_loading_programs() -> None:
    permissions = Permissions.parse(["--deny-read"])
    assert permissions.allows_path("read", "/mud/a.c", by_default=True, implied=True)
    assert not permissions.allows_path("read", "/mud/a.c", by_default=True)
    named = Permissions.parse(["--deny-read=/mud/secret"])
    assert not named.allows_path("read", "/mud/secret/a.c", by_default=True, implied=True)


@pytest.mark.parametrize("flag", ["--allow-everything", "--deny-", "--allow-net=", "--allow-net=a:b",
                                  "--allow-net=a:99999", "--allow-net=a,,b", "-B"])
def test_unusable_flags_are_refused(flag: str) -> None:
    with pytest.raises(ConfigError):
        Permissions.parse([flag])


def test_copies_are_independent() -> None:
    one = Permissions.parse(["--allow-run=a"])
    two = one.copy()
    two.add("--allow-run=b")
    assert two.allows_run("b")
    assert not one.allows_run("b")


@pytest.mark.parametrize("host, loopback", [("127.0.0.1", True), ("[::1]", True), ("::ffff:127.0.0.1", True),
                                            ("localhost", True), ("0.0.0.0", False), ("localhost.evil.com", False)])
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
