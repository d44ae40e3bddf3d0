"""From a source file to a Program: reading, includes, the compile cache, diagnostics.

Knows no objects: what a file inherits is found by `parent`, a callback of the loader.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lpc.cache import Cache
from lpc.compiler import CompiledProgram, Job, compile_program, world_digest
from lpc.driver.depth import limit_compiler, limited, restore
from lpc.driver.files import normalize
from lpc.errors import CompileError, FileRefused, LPCError, LPCFault
from lpc.runtime.interface import FunctionInfo, Interface
from lpc.runtime.program import Program, link
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.diagnostics import Diagnostic
    from lpc.driver.driver import Driver
    from lpc.driver.master import Master
    from lpc.runtime.objects import LPCObject

#: Where the packaged headers appear among the virtual paths.
PACKAGED_INCLUDE = "/pylpc/include"
EXTENSIONS = (".lpc", ".c")
_LARGEST_SOURCE = 16 << 20


class Programs:
    """The sources and programs of one driver.

    With `check_only` nothing is ever run: parents are compiled, but no object of them is made.
    """

    def __init__(self, driver: Driver, master: Master, macros: Mapping[str, str], *, cache: bool,
                 check_only: bool) -> None:
        self.check_only = check_only
        self._driver = driver
        self._master = master
        self._macros = macros
        self._cache = Cache(cache_folder()) if cache else None
        self._simul_efuns: dict[str, FunctionInfo] = {}
        self._known: str | None = None
        self._texts: dict[str, str] = {}  # sources that are in no file

    # ------------------------------------------------------------------ the world programs are compiled in

    def use_simul_efuns(self, ob: LPCObject) -> None:
        """Programs compiled from now on see the functions of this object as if they were efuns."""
        self.use_interface(ob.program.interface)
        self._driver.namespace["SIMUL_EFUN"] = ob

    def use_interface(self, interface: Interface) -> None:
        """As `use_simul_efuns`, for programs that are never run."""
        self._simul_efuns = {
            name: info for name, info in interface.functions.items()
            if info.defined and not info.modifiers & {"private", "protected"}
        }
        self._known = None

    def _world(self) -> str:
        if self._known is None:
            self._known = world_digest(self._macros, self._driver.efuns, self._simul_efuns)
        return self._known

    # ------------------------------------------------------------------ sources

    def source_file(self, path: str) -> str | None:
        """The file behind an object path: as it stands if it names an extension, else `.lpc`, then `.c`."""
        if path.endswith(EXTENSIONS):
            return path if self._is_file(path) else None
        return next((path + extension for extension in EXTENSIONS if self._is_file(path + extension)), None)

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(self._driver.files.locate(path))

    def _read(self, path: str, operation: str) -> str:
        host = self._driver.files.readable(path, self._driver.master(), operation)
        data = self._driver.files.open_regular(host, _LARGEST_SOURCE)
        # Old mudlibs hold other encodings in comments; in a string literal such bytes are the lexer's to refuse.
        return data.decode("utf-8", "surrogateescape")

    def source_line(self, file: str, line: int) -> str | None:
        """A line of a source for a message to people; None where it cannot be had any more."""
        text = self._texts.get(file)
        if text is None:
            try:
                host = os.path.realpath(self._driver.files.locate(normalize(file)))
                text = self._driver.files.open_regular(host, _LARGEST_SOURCE).decode("utf-8", "replace")
            except OSError:
                return None
        lines = text.split("\n")
        return lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else None

    def _include(self, compiled: str, name: str, angled: bool, from_file: str,
                 folders: tuple[str, ...]) -> tuple[str, str] | None:
        """What an #include stands for: the master may know of another file, or hold the text itself."""
        answer = self._master.include_file(compiled, from_file, name)
        if isinstance(answer, list):
            text = joined_lines(answer)
            if text is None:
                return None
            path = _beside(from_file, name)
            self._texts[path] = text
            return path, text
        if answer is None:
            return None
        return self._find_include(answer, angled and answer == name, from_file, folders)

    def _find_include(self, name: str, angled: bool, from_file: str,
                      folders: tuple[str, ...]) -> tuple[str, str] | None:
        """The first of the places an include may be that exists and may be read."""
        candidates = []
        if not angled:
            candidates.append(_beside(from_file, name))
        if ".." not in name.split("/"):
            candidates += [f"{folder}/{name}" for folder in (*folders, PACKAGED_INCLUDE)]
        for candidate in candidates:
            try:
                path = normalize(candidate)
                if self._is_file(path):
                    return path, self._read(path, "include")
            except OSError:
                continue
        return None

    # ------------------------------------------------------------------ compiling

    def compile(self, file: str, parent: Callable[[str, str | None], Program | None], *, text: str | None, script: bool,
                chain: list[str]) -> Program:
        """Compile (or fetch) one file and link it; LPCError, caused by a CompileError, where that fails.

        `chain` are the files being compiled, each inherited by the one before it.
        """
        if text is None:
            text = self._text_of(file)
        else:
            self._texts[file] = text
        compiled = self._compiled(file, text, parent, script=script, chain=chain)
        return link(compiled.path, compiled.filename, compiled.code, compiled.defaults, compiled.interface,
                    compiled.parents, compiled.line_table, self._driver.namespace)

    def _text_of(self, file: str) -> str:
        try:
            return self._read(file, "load_object")
        except FileRefused as refusal:
            raise LPCError(f"Cannot load '{file}': {refusal.strerror}.") from refusal
        except OSError as error:
            raise LPCError(f"Cannot load '{file}': {error.strerror}.") from error

    def _compiled(self, file: str, text: str, parent: Callable[[str, str | None], Program | None], *, script: bool,
                  chain: list[str]) -> CompiledProgram:
        settings = self._driver.settings
        folders = self._master.include_path(file, settings.include)
        reasons: dict[str, str] = {}  # by parent; the cache and the compiler may both ask, one load is enough
        failures: list[LPCError] = []

        def inherit(path: str, private: bool) -> Program | str:
            if path in reasons:
                return reasons[path]
            answer = self._master.inherit_program(file, _absolute(path), private)
            text = joined_lines(answer) if isinstance(answer, list) else None
            if text is None and not isinstance(answer, str):
                reasons[path] = f"Cannot inherit '{path}': the master's inherit_program() refused."
                return reasons[path]
            try:
                found = parent(path if text is not None or answer == _absolute(path) else str(answer), text)
            except LPCError as error:
                failures.append(error)
                reasons[path] = str(error)
                return reasons[path]
            if found is None:
                reasons[path] = f"Cannot inherit '{path}': there is no such file."
                return reasons[path]
            return found

        known = self._world()
        former = limit_compiler()
        job = Job(
            path=file, text=text, script=script, macros=self._macros, efuns=self._driver.efuns,
            simul_efuns=self._simul_efuns, known=known,
            include=limited(former, lambda name, angled, source: self._include(file, name, angled, source, folders)),
            inherit=limited(former, inherit),
            valid_override=limited(former, lambda name, at: self._master.valid_override(_object(at), name, file)),
            prelude=_prelude(settings.global_include), cache=self._cache,
        )
        try:
            compiled = compile_program(job)
        except CompileError as error:
            self._tell(file, error.diagnostics, chain)
            failed = LPCError(f"Error in loading object '{_object(file)}'")
            raise failed from CompileError(file, [*_diagnostics(failures), *error.diagnostics])
        finally:
            restore(former)
        self._tell(file, compiled.warnings, chain)
        return compiled

    def _tell(self, file: str, diagnostics: list[Diagnostic], chain: list[str]) -> None:
        """Report diagnostics to the master and to people, in the order of the source."""
        if not diagnostics:
            return
        from lpc.diagnostics import Note, Severity, ordered, render

        for diagnostic in ordered(diagnostics):
            if diagnostic.severity is Severity.ERROR and len(chain) > 1:
                inherited, heir = _object(chain[-1]), _object(chain[-2])
                diagnostic.notes.append(Note(f"while loading '{inherited}' inherited by '{heir}'"))
            self._driver.reporter.diagnostic(diagnostic)
            try:
                self._master.log_error(file, render(diagnostic))
            except (LPCError, LPCFault) as failure:
                self._driver.log(f"error in the master's log_error: {failure}")


def _diagnostics(failures: list[LPCError]) -> list[Diagnostic]:
    """What was wrong with the parents."""
    return [diagnostic for failure in failures if isinstance(failure.__cause__, CompileError)
            for diagnostic in failure.__cause__.diagnostics]


def _object(file: str) -> str:
    """A file's name as an object's: without what follows the last dot of its last part."""
    folder, slash, name = file.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def joined_lines(lines: list[Value]) -> str | None:
    """The text an apply gave as an array of lines; None where they are not all strings, or none."""
    if not lines or not all(isinstance(line, str) for line in lines):
        return None
    return "".join(line + "\n" for line in lines)


def _beside(file: str, name: str) -> str:
    """A path as a file at `file` writes it."""
    return name if name.startswith("/") else f"{file.rpartition('/')[0]}/{name}"


def _absolute(path: str) -> str:
    """A path as master applies hear of it; one that leads out of the mudlib as it is."""
    try:
        return normalize(path)
    except FileRefused:
        return path


def _prelude(setting: str | None) -> str | None:
    """A global include in the notation of #include."""
    if not setting:
        return None
    return setting if setting[0] in '<"' else f'"{setting}"'


def cache_folder() -> Path:
    """Where compiled programs are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "pylpc"
