"""Source text to compiled program: the stages in order, and the cache around them.

    preprocessor -> parser -> analysis -> code generation

Pure but for the cache: what a program includes and inherits comes through the `Job`'s callbacks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from lpc.cache import Cache, digest
from lpc.errors import CompileError
from lpc.runtime.interface import ClassInfo, FunctionInfo, Interface, ParameterInfo, VariableInfo
from lpc.runtime.program import Program
from lpc.types import Type

if TYPE_CHECKING:
    from lpc.diagnostics import Diagnostic
    from lpc.efun import Efun
    from lpc.syntax.nodes import Node

#: The folders whose code decides what a program compiles to.
_COMPILER_FOLDERS = ("syntax", "analysis", "codegen", "runtime")

IncludeResolver = Callable[[str, bool, str], "tuple[str, str] | None"]


@dataclass(slots=True)
class Job:
    """One compilation and its world.

    `include(name, angled, from_file)` gives (path, text) or None; `inherit(path, private)` the linked parent, or
    why not;
    `known` is a digest of the macros, efuns and simul_efuns (`world_digest`).
    """

    path: str
    text: str
    script: bool
    macros: Mapping[str, str]
    efuns: Mapping[str, Efun]
    simul_efuns: Mapping[str, FunctionInfo]
    known: str
    include: IncludeResolver
    inherit: Callable[[str, bool], Program | str]
    valid_override: Callable[[str, str], bool]
    prelude: str | None = None
    cache: Cache | None = None


@dataclass(slots=True)
class CompiledProgram:
    """What `lpc.runtime.program.link` needs. `parents` are linked; `warnings` is empty for a cached program."""

    path: str
    filename: str
    code: CodeType
    defaults: dict[str, dict[int, str]]
    interface: Interface
    parents: list[Program]
    line_table: list[tuple[int, str]]
    warnings: list[Diagnostic] = field(default_factory=list)


def world_digest(macros: Mapping[str, str], efuns: Mapping[str, Efun], simul_efuns: Mapping[str, FunctionInfo]) -> str:
    """What `Job.known` is."""
    return digest(
        _compiler_identity(), sys.version, repr(sorted(macros.items())),
        repr(sorted((name, efun.name, efun.prototype.text, efun.wants_this, efun.wants_previous)
                    for name, efun in efuns.items())),
        repr(sorted((name, _function_to_tuple(info)) for name, info in simul_efuns.items())),
    )


@lru_cache(maxsize=1)
def _compiler_identity() -> str:
    """Changes with every change of the compiler: the size and time of each of its files."""
    here = Path(__file__).parent
    # This file, too: it decides what a cache entry looks like.
    folders = [(here / folder, None) for folder in _COMPILER_FOLDERS] + [(here, Path(__file__).name)]
    files = sorted((entry for folder, only in folders for entry in os.scandir(folder)
                    if entry.is_file() and only in (None, entry.name)), key=lambda entry: entry.path)
    return repr([(entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files])


def compile_program(job: Job) -> CompiledProgram:
    """Compile, or take from the cache; CompileError with every diagnostic where the source has errors."""
    key = digest(job.known, job.path, "script" if job.script else "", job.prelude or "", job.text)
    if job.cache is not None:
        found = _from_cache(job, key)
        if found is not None:
            return found
    compiled, dependencies = _compile(job, key)
    if job.cache is not None:
        job.cache.write(key, _to_entry(compiled, dependencies))
    return compiled


@dataclass(slots=True)
class _Dependencies:
    """What a compilation asked for, in order, and a digest of each answer."""

    includes: list[tuple[str, bool, str, str, str]] = field(default_factory=list)  # question, path, digest of text
    inherits: list[tuple[str, bool, str]] = field(default_factory=list)  # path, private, filename (it holds the digest)
    overrides: list[tuple[str, str]] = field(default_factory=list)


def _compile(job: Job, key: str) -> tuple[CompiledProgram, _Dependencies]:
    # The front end and lark's tables cost start-up time; a cached program needs none of them.
    from lpc.analysis import Environment, analyze
    from lpc.analysis.codes import INHERIT
    from lpc.codegen.program import TooDeep, generate
    from lpc.diagnostics import Diagnostics
    from lpc.source import SourceMap
    from lpc.syntax.nodes import Inherit
    from lpc.syntax.parser import parse
    from lpc.syntax.preprocessor import Preprocessor

    source = SourceMap()
    diagnostics = Diagnostics(source)
    asked = _Dependencies()
    parents: list[Program] = []

    def include(name: str, angled: bool, from_file: str) -> tuple[str, str] | None:
        found = job.include(name, angled, from_file)
        if found is not None:
            asked.includes.append((name, angled, from_file, found[0], digest(found[1])))
        return found

    def inherit(path: str, at: Node) -> Interface | None:
        private = isinstance(at, Inherit) and "private" in at.modifiers
        parent = job.inherit(path, private)
        if isinstance(parent, str):
            diagnostics.error(INHERIT, parent, at.start, at.end)
            return None
        asked.inherits.append((path, private, parent.filename))
        parents.append(parent)
        return parent.interface

    def valid_override(name: str, at: Node) -> bool:
        question = name, source.locate(at.start).file
        allowed = question in asked.overrides or job.valid_override(*question)
        if allowed and question not in asked.overrides:
            asked.overrides.append(question)
        return allowed

    preprocessor = Preprocessor(source, diagnostics, predefined=job.macros, include=include,
                                efun_defined=job.efuns.__contains__)
    stream = preprocessor.run(job.path, job.text, prelude=job.prelude)
    tree = parse(stream.tokens, diagnostics, script=job.script, pragmas=stream.pragmas)
    if diagnostics.has_errors:
        # Names and types of half a program would only add messages that the mended one does not have.
        raise CompileError(job.path, diagnostics.found)
    environment = Environment(job.efuns, job.simul_efuns, inherit, valid_override, job.path, job.script,
                              stream.otherwise_strict)
    analysis = analyze(tree, environment, diagnostics)
    if diagnostics.has_errors:
        raise CompileError(job.path, diagnostics.found)
    filename = f"{job.path}?{_identity(key, asked)}"
    try:
        generated = generate(analysis, filename)
    except TooDeep as error:
        diagnostics.error("LPC9002", "Loops, switches and catches nested too deeply: twenty in each other are the most",
                          error.at)
        raise CompileError(job.path, diagnostics.found) from error
    warnings = [] if "warnings" not in stream.pragmas else diagnostics.found
    return CompiledProgram(job.path, filename, generated.code, generated.defaults, analysis.interface, parents,
                           source.line_table(), warnings), asked


def _identity(key: str, asked: _Dependencies) -> str:
    return digest(key, repr(asked.includes), repr(asked.inherits))[:16]


# ------------------------------------------------------------------------------------------------ cache


def _from_cache(job: Job, key: str) -> CompiledProgram | None:
    assert job.cache is not None
    entry = job.cache.read(key)
    if entry is None:
        return None
    includes, inherits, overrides, code, defaults, tables, line_table = entry
    for name, angled, from_file, path, text_digest in includes:
        found = job.include(name, angled, from_file)
        if found is None or found[0] != path or digest(found[1]) != text_digest:
            return None
    if not all(job.valid_override(*question) for question in overrides):
        return None
    parents = []
    for path, private, filename in inherits:
        parent = job.inherit(path, private)
        if isinstance(parent, str) or parent.filename != filename:
            return None
        parents.append(parent)
    asked = _Dependencies(includes, inherits, overrides)
    filename = f"{job.path}?{_identity(key, asked)}"
    interface = _to_interface(job.path, tables, parents)
    return CompiledProgram(job.path, filename, code, defaults, interface, parents, line_table)


def _to_entry(compiled: CompiledProgram, asked: _Dependencies) -> tuple[Any, ...]:
    return (asked.includes, asked.inherits, asked.overrides, compiled.code, compiled.defaults,
            _from_interface(compiled.interface), compiled.line_table)


# An entry of a table that a parent holds too is kept as the number of that parent alone.


def _from_interface(interface: Interface) -> tuple[Any, ...]:
    parents = [parent for parent, _ in interface.inherits]
    tables = []
    for attribute, to_tuple in (("functions", _function_to_tuple), ("variables", _variable_to_tuple),
                                ("classes", _class_to_tuple)):
        held = [getattr(parent, attribute) for parent in parents]
        entries = getattr(interface, attribute).items()
        tables.append([(name, _kept(entry, name, held, to_tuple)) for name, entry in entries])
    modifiers = [sorted(words) for _, words in interface.inherits]
    return (modifiers, interface.strict_types, tables)


def _kept(entry: Any, name: str, held: list[dict[str, Any]], to_tuple: Callable[[Any], tuple[Any, ...]]) -> Any:
    for at, table in enumerate(held):
        if table.get(name) is entry:
            return at
    return to_tuple(entry)


def _to_interface(path: str, entry: tuple[Any, ...], parents: list[Program]) -> Interface:
    modifiers, strict_types, tables = entry
    held = [parent.interface for parent in parents]
    interface = Interface(path, [(h, frozenset(words)) for h, words in zip(held, modifiers, strict=True)])
    interface.strict_types = strict_types
    for (attribute, from_tuple), table in zip(_READERS, tables, strict=True):
        made = getattr(interface, attribute)
        for name, kept in table:
            made[name] = getattr(held[kept], attribute)[name] if isinstance(kept, int) else from_tuple(kept)
    return interface


def _function_to_tuple(info: FunctionInfo) -> tuple[Any, ...]:
    parameters = tuple((p.name, tuple(p.type), p.ref, p.has_default) for p in info.parameters)
    returns = None if info.type is None else tuple(info.type)
    return (info.name, returns, parameters, info.rest, tuple(sorted(info.modifiers)), info.program, info.defined)


def _function_from_tuple(kept: tuple[Any, ...]) -> FunctionInfo:
    name, returns, parameters, rest, modifiers, program, defined = kept
    infos = tuple(ParameterInfo(p[0], Type(*p[1]), p[2], p[3]) for p in parameters)
    kind = None if returns is None else Type(*returns)
    return FunctionInfo(name, kind, infos, rest, frozenset(modifiers), program, defined)


def _variable_to_tuple(info: VariableInfo) -> tuple[Any, ...]:
    return (info.name, tuple(info.type), tuple(sorted(info.modifiers)), info.program, info.key)


def _variable_from_tuple(kept: tuple[Any, ...]) -> VariableInfo:
    name, kind, modifiers, program, key = kept
    return VariableInfo(name, Type(*kind), frozenset(modifiers), program, key)


def _class_to_tuple(info: ClassInfo) -> tuple[Any, ...]:
    members = tuple((name, tuple(kind)) for name, kind in info.members)
    return (info.name, members, tuple(sorted(info.modifiers)), info.program)


def _class_from_tuple(kept: tuple[Any, ...]) -> ClassInfo:
    name, members, modifiers, program = kept
    return ClassInfo(name, tuple((n, Type(*kind)) for n, kind in members), frozenset(modifiers), program)


_READERS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("functions", _function_from_tuple), ("variables", _variable_from_tuple), ("classes", _class_from_tuple),
)
