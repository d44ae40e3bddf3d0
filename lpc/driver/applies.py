"""Every apply: a function of the mudlib that the driver, or an efun on its behalf, calls by name.

One row each: who defines it, its prototype, and when it is called. The typed face of the master
(lpc.driver.master) and the documentation page come from this table.
"""

from __future__ import annotations

from typing import NamedTuple

MASTER, OBJECT, INTERACTIVE = "master", "object", "interactive"


class Apply(NamedTuple):
    """One apply. `missing` says what the driver does where the mudlib does not define it."""

    kind: str
    prototype: str
    when: str
    missing: str = "nothing"

    @property
    def name(self) -> str:
        """The function's name."""
        return self.prototype.partition("(")[0].rsplit(" ", 1)[-1].lstrip("*")


APPLIES: tuple[Apply, ...] = (
    Apply(MASTER, "string get_root_uid()", "after the master was loaded: the user id of the mudlib's root", "no uids"),
    Apply(MASTER, "string get_bb_uid()", "after get_root_uid(): the backbone user id", "no uids"),
    Apply(MASTER, "string creator_file(string path)", "each new object: its user id", "no uids"),
    Apply(MASTER, "string privs_file(string path)", "each new object: its privileges"),
    Apply(MASTER, "int valid_object(object ob)", "a new object, before its initialisers run; 0 destructs it",
          "allowed"),
    Apply(MASTER, "int valid_override(string file, string efun, string mainfile)",
          "compiling `efun::name` where a simul_efun has that name; 0 is a compile error", "refused"),
    Apply(MASTER, "string *get_include_path(string path)",
          'the start of each compilation: folders for #include; ":DEFAULT:" stands for the configured ones',
          "the configured folders"),
    Apply(MASTER, "mixed include_file(string compiled, string from, string name)",
          "each #include: the same or another path, or an array of lines to take instead; else it is refused",
          "the file named"),
    Apply(MASTER, "mixed inherit_program(string from, string path, int private)",
          "each inherit: the same or another path, or an array of source lines to take instead; else it is refused",
          "the program named"),
    Apply(MASTER, "void log_error(string file, string message)", "each compile error or warning, as it is printed"),
    Apply(MASTER, "string *epilog(int load_empty)", "after the boot: names to preload", "no preloads"),
    Apply(MASTER, "void preload(string file)", "each name epilog() gave, as an evaluation of its own"),
    Apply(MASTER, "void flag(string text)", "each -f option of the command line, after the preloads"),
    Apply(MASTER, "object compile_object(string path, int clone, mixed args...)",
          "loading or cloning a path that has no source file: the (virtual) object to use, or 0", "no object"),
    Apply(MASTER, "string error_handler(mapping error, int caught)",
          "each run-time error; a string it returns is logged", "the driver logs the error and its trace"),
    Apply(MASTER, "mixed valid_read(string file, object who, string operation)",
          "before each read, load and include; 0 refuses, a string replaces the path", "allowed"),
    Apply(MASTER, "mixed valid_write(string file, object who, string operation)",
          "before each write; 0 refuses, a string replaces the path", "allowed"),
    Apply(MASTER, "int valid_seteuid(object ob, string euid)", "seteuid()", "refused"),
    Apply(MASTER, "int valid_bind(object binder, object old_owner, object new_owner)", "bind()", "refused"),
    Apply(MASTER, "int valid_shadow(object ob)", "shadow()", "refused"),
    Apply(MASTER, "int valid_socket(object caller, string operation, mixed *info)",
          "before each socket operation; info is ({ fd, owner, address, port })", "refused"),
    Apply(MASTER, "string object_name(object ob)", "sprintf(\"%O\") of an object: text shown beside its path"),
    Apply(OBJECT, "void create(mixed args...)", "a new object, after its initialisers"),
    Apply(OBJECT, "void on_destruct()", "before it is destructed, where set_notify_destruct(1) asked for it"),
    Apply(OBJECT, "void reset()", "now and then, while the object lives"),
    Apply(OBJECT, "void init()", "move_object(), in those that meet a living object"),
    Apply(OBJECT, "void heart_beat()", "every beat, while set_heart_beat() is on"),
    Apply(OBJECT, "int clean_up(int references)", "an object nobody used for long; 1 asks to be asked again"),
    Apply(OBJECT, "int id(string name)", "present() by name"),
    Apply(OBJECT, "void move_or_destruct(object destination)", "each thing inside an object that is destructed",
          "the thing is destructed too"),
    Apply(OBJECT, "void virtual_start()", "a virtual object, once it has its name"),
    Apply(OBJECT, "void catch_tell(string text)", "text told to a living object without a connection"),
    Apply(OBJECT, "void receive_message(mixed kind, mixed text)", "message()"),
    Apply(OBJECT, "int main(string *argv)", "a script, after its statements; the result is the exit status"),
)


def reference_page() -> dict[str, str]:
    """The documentation page: one of the generators behind `pylpc gen`."""
    lines = ["# Applies", "", "Generated by `python -m lpc gen` from lpc/driver/applies.py: edit that, not this.", "",
             "Functions of the mudlib that the driver calls by name, whatever their visibility."]
    for kind, title in ((MASTER, "The master object"), (OBJECT, "Any object"), (INTERACTIVE, "Players' objects")):
        rows = [apply for apply in APPLIES if apply.kind == kind]
        if rows:
            lines += ["", f"## {title}", "", "| apply | called for | where it is missing |", "|---|---|---|"]
            lines += [f"| `{row.prototype}` | {row.when} | {row.missing} |" for row in rows]
    return {"docs/reference/applies.md": "\n".join([*lines, ""])}
