"""Analysis of source text for tests: preprocessor, parser and analysis with a few efuns known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from lpc.analysis import Analysis, Environment, analyze
from lpc.diagnostics import Diagnostic, Diagnostics, Severity
from lpc.efun import Efun
from lpc.prototype import parse_prototype
from lpc.runtime.interface import FunctionInfo, Interface
from lpc.source import SourceMap
from lpc.syntax.nodes import Name, Node
from lpc.syntax.parser import parse
from lpc.syntax.preprocessor import Preprocessor
from lpc.syntax.walk import walk

_PROTOTYPES = (
    "void write(mixed text)",
    "int strlen(string text)",
    "float sqrt(float x)",
    "int random(int below)",
    "int to_int(string | float | int x)",
    "object this_object()",
    "object this_player(int real = 0)",
    "string sprintf(string format, mixed arguments...)",
    "object clone_object(string path, mixed arguments...)",
    "mixed evaluate(mixed f, mixed arguments...)",
    "int sizeof(mixed value)",
    "string implode(mixed * items, string | function joint)",
    "mixed * map_array(mixed * items, string | function f, mixed extra...)",
)

_N = TypeVar("_N", bound=Node)


@dataclass
class Result:
    """What analysis found out about one text."""

    analysis: Analysis
    diagnostics: Diagnostics
    text: str

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors, in the order found."""
        return [d for d in self.diagnostics.found if d.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Diagnostic]:
        """The warnings, in the order found."""
        return [d for d in self.diagnostics.found if d.severity is Severity.WARNING]

    @property
    def messages(self) -> list[str]:
        """The texts of everything that was reported."""
        return [d.message for d in self.diagnostics.found]

    def marked(self, diagnostic: Diagnostic) -> str:
        """The source text under a message's marks."""
        lines = self.text.split("\n")
        start = self.diagnostics.source.locate(diagnostic.start)
        end = self.diagnostics.source.locate(diagnostic.end)
        assert start.line == end.line
        return lines[start.line - 1][start.column - 1:end.column - 1]

    def all(self, kind: type[_N]) -> list[_N]:
        """All nodes of one class, in source order."""
        found = [node for node in walk(self.analysis.tree) if type(node) is kind]
        return sorted(found, key=lambda node: (node.start, -node.end))  # type: ignore[return-value]  # by exact type

    def named(self, name: str) -> list[Name]:
        """All uses of a bare name."""
        return [node for node in self.all(Name) if node.name == name]


@dataclass
class World:
    """What a text is analysed in: files it can inherit, simul_efuns, what the master allows."""

    parents: dict[str, Interface] = field(default_factory=dict)
    simul_efuns: dict[str, FunctionInfo] = field(default_factory=dict)
    efuns: Mapping[str, Efun] = field(default_factory=lambda: {
        prototype.split("(")[0].split()[-1]: Efun(parse_prototype(prototype), lambda *args: 0, ())
        for prototype in _PROTOTYPES
    })
    overridable: bool = True
    script: bool = False

    def analyzed(self, text: str, path: str = "/test.c") -> Result:
        """Analyse a text; what it declares can be inherited under its path afterwards."""
        diagnostics = Diagnostics(SourceMap())
        stream = Preprocessor(diagnostics.source, diagnostics, predefined={},
                              include=lambda name, angled, from_file: None).run(path, text)
        tree = parse(stream.tokens, diagnostics, script=self.script, pragmas=stream.pragmas)
        environment = Environment(self.efuns, self.simul_efuns, lambda name, node: self.parents.get(name),
                                  lambda name, at: self.overridable, path, self.script, stream.otherwise_strict)
        analysis = analyze(tree, environment, diagnostics)
        self.parents[path] = self.parents[path.removesuffix(".c")] = analysis.interface
        return Result(analysis, diagnostics, text)

