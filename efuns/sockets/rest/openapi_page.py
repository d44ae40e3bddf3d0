"""The documentation page: an OpenAPI document as HTML. No script, no picture, no other host.

Every text of the document is escaped; what is not of the expected type is shown as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_DEPTH: Final = 8  # levels of a schema that become rows
_LIMITS: Final = (
    ("minimum", "≥ {}"), ("exclusiveMinimum", "> {}"), ("maximum", "≤ {}"), ("exclusiveMaximum", "< {}"),
    ("multipleOf", "multiple of {}"), ("minLength", "at least {} characters"), ("maxLength", "at most {} characters"),
    ("minItems", "at least {} elements"), ("maxItems", "at most {} elements"), ("pattern", "matches {}"),
    ("const", "is {}"), ("default", "default {}"),
)
_STYLE: Final = """
:root { --line: #d9dde3; --soft: #f5f6f8; --dim: #5b6470; --text: #1c2128; --back: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --line: #363c45; --soft: #1e2329; --dim: #9aa4b1; --text: #e4e8ed; --back: #14171b; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header { margin-bottom: 1.75rem; }
h1 { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; margin: 0 0 .25rem; font-size: 1.9rem; }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
h3 { margin: 1.25rem 0 .35rem; color: var(--dim); font-size: .8rem; letter-spacing: .05em; text-transform: uppercase; }
p { margin: .4rem 0; }
a { color: inherit; }
code, pre { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .875em; }
pre { margin: .5rem 0; padding: .75rem; overflow-x: auto; border-radius: .4rem; background: var(--soft); }
.dim { color: var(--dim); }
.chip { padding: .05rem .55rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--dim);
        font-size: .8rem; font-weight: 400; white-space: nowrap; }
.operation { margin: .5rem 0; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
.operation > summary { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .8rem; padding: .55rem .8rem;
                       cursor: pointer; list-style: none; }
.operation > summary::-webkit-details-marker { display: none; }
.operation > summary:hover, .operation[open] > summary { background: var(--soft); }
.operation > summary > code { font-size: .95rem; font-weight: 600; overflow-wrap: anywhere; }
.operation > summary > .chip { margin-left: auto; }
.operation > div { padding: .25rem 1rem 1rem; border-top: 1px solid var(--line); }
.gone code, .gone .says { text-decoration: line-through; }
.method { min-width: 4.75rem; padding: .1rem .4rem; border-radius: .35rem; background: #5b6470; color: #fff;
          font-size: .78rem; font-weight: 700; letter-spacing: .04em; text-align: center; }
.get { background: #1a66b8; } .post { background: #1c7a43; } .put { background: #a35c00; }
.patch { background: #7a4fb5; } .delete { background: #b3261e; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
td, th { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--dim); font-size: .8rem; font-weight: 500; }
tr:last-child > td { border-bottom: 0; }
td:first-child { white-space: nowrap; }
td > p:first-child { margin-top: 0; }
.status { display: inline-block; min-width: 3rem; font-weight: 700; }
.fill > table > tbody > tr > td:last-child { width: 99%; }
sup { color: #c4362d; line-height: 0; }
.ok { color: #1c7a43; } .bad { color: #b3261e; }
@media (prefers-color-scheme: dark) { .ok { color: #5cc98a; } .bad { color: #f2857c; } sup { color: #f2857c; } }
details details summary { color: var(--dim); font-size: .85rem; cursor: pointer; }
""".strip()


def page(made: Mapping[str, Any], document: str = "/openapi.json") -> str:
    """A document as HTML; `document` is where its JSON is."""
    info = made["info"]
    title = _html(info["title"])
    lines = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">', f"<title>{title}</title>", f"<style>\n{_STYLE}\n</style>",
        "</head>", "<body>", "<main>", "<header>",
        f'<h1>{title} <span class="chip">{_html(info["version"])}</span></h1>',
    ]
    if "description" in info:
        lines.append(f"<p>{_html(info['description'])}</p>")
    for server in made.get("servers", []):
        lines.append(f'<p class="dim">Server: <code>{_html(_member(server, "url") or server)}</code></p>')
    lines += [f'<p class="dim">OpenAPI {_html(made["openapi"])}: <a href="{_html(document)}">{_html(document)}</a></p>',
              "</header>"]
    for name, operations in _groups(made["paths"]):
        if name:
            lines.append(f"<h2>{_html(name)}</h2>")
        for method, path, operation in operations:
            lines += _operation_lines(made, method, path, operation)
    return "\n".join([*lines, "</main>", "</body>", "</html>", ""])


def _groups(paths: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str, Any]]]]:
    """The operations by their first tag; those without one come first."""
    groups: dict[str, list[tuple[str, str, Any]]] = {"": []}
    for path, item in paths.items():
        for method, operation in item.items():
            tags = operation.get("tags")
            name = tags[0] if isinstance(tags, list) and tags and isinstance(tags[0], str) else ""
            groups.setdefault(name, []).append((method, path, operation))
    return list(groups.items())


def _operation_lines(made: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    is_gone = bool(operation.get("deprecated"))
    chips = ['<span class="chip">deprecated</span>'] if is_gone else []
    if operation.get("security"):
        chips.append('<span class="chip">token</span>')
    yield f'<details class="operation{" gone" if is_gone else ""}">'
    yield (f'<summary><span class="method {_html(method)}">{_html(method.upper())}</span> <code>{_html(path)}</code> '
           f'<span class="dim says">{_html(operation.get("summary", ""))}</span>{"".join(chips)}</summary>')
    yield "<div>"
    if operation.get("description"):
        yield f"<p>{_html(operation['description'])}</p>"
    if operation.get("security"):
        yield "<p>Wants a bearer token.</p>"
    if operation.get("parameters"):
        yield "<h3>Parameters</h3>"
        yield from _table(("name", "in", "type", ""), (
            (f"<code>{_html(one.get('name', ''))}</code>{_mark(one.get('required'))}", _html(one.get("in", "")),
             _type(one.get("schema", {})), _joined(_html(one.get("description", "")), _limits(one.get("schema", {}))))
            for one in operation["parameters"]))
    if operation.get("requestBody"):
        yield "<h3>Request body</h3>"
        yield from _content_lines(made, operation["requestBody"])
    yield "<h3>Responses</h3>"
    yield from _table(("status", ""), (
        (f'<span class="status {_tone(status)}">{_html(status)}</span>',
         "".join((f"<p>{_html(_member(response, 'description') or '')}</p>",
                  *_content_lines(made, response, is_open=_tone(status) == "ok"))))
        for status, response in operation["responses"].items()), "wide fill")
    yield "</div></details>"


def _content_lines(made: Mapping[str, Any], holder: Any, *, is_open: bool = True) -> Iterator[str]:
    """The schemas of a body, by type; and the whole of it as JSON, if there is more in it."""
    content = _member(holder, "content")
    if not isinstance(content, dict):
        if isinstance(holder, dict) and holder.keys() - {"description", "required"}:
            yield f"<pre>{_json(holder)}</pre>"
        return
    for kind, media in content.items():
        yield f'<details{" open" if is_open else ""}><summary><code>{_html(kind)}</code></summary>'
        schema = _resolved(made, _member(media, "schema"))
        rows = list(_rows(made, schema, "", _DEPTH))
        if rows:
            yield from _table(("member", "type", ""), rows)
        elif schema:
            yield f"<p>{_type(schema)} {_limits(schema)}</p>"
        if schema:
            yield f"<details><summary>Schema</summary><pre>{_json(schema)}</pre></details>"
        for name in ("example", "examples"):
            if _member(media, name) is not None:
                yield f"<details><summary>Example</summary><pre>{_json(media[name])}</pre></details>"
        yield "</details>"


def _rows(made: Mapping[str, Any], schema: Any, prefix: str, depth: int) -> Iterator[tuple[str, ...]]:
    """The members of an object, those of objects in it after their own."""
    while _member(schema, "type") == "array":
        prefix, schema = f"{prefix}[]", _resolved(made, _member(schema, "items"))
    members, required = _member(schema, "properties"), _member(schema, "required")
    if not isinstance(members, dict) or not depth:
        return
    for name, below in members.items():
        below = _resolved(made, below)
        place = f"{prefix}.{name}" if prefix else name
        is_required = isinstance(required, list) and name in required
        yield (f"<code>{_html(place)}</code>{_mark(is_required)}", _type(below),
               _joined(_html(_member(below, "description") or ""), _limits(below)))
        yield from _rows(made, below, place, depth - 1)


def _resolved(made: Mapping[str, Any], schema: Any) -> Any:
    """A schema, or the component it refers to."""
    target = _member(schema, "$ref")
    prefix = "#/components/schemas/"
    if isinstance(target, str) and target.startswith(prefix):
        found = _member(_member(made.get("components"), "schemas"), target.removeprefix(prefix))
        return found if found is not None else schema
    return schema


def _table(head: tuple[str, ...], rows: Any, kind: str = "wide") -> Iterator[str]:
    yield f'<div class="{kind}"><table><tr>' + "".join(f"<th>{name}</th>" for name in head) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table></div>"


def _mark(is_required: Any) -> str:
    return '<sup title="required">✱</sup>' if is_required else ""


def _tone(status: Any) -> str:
    return {"2": "ok", "4": "bad", "5": "bad"}.get(str(status)[:1], "")


def _type(schema: Any) -> str:
    """The type of a schema in a few words."""
    if not isinstance(schema, dict):
        return "<span class=\"dim\">any</span>" if schema in (True, 1, None) else _json(schema, 0)
    kind, form = schema.get("type"), schema.get("format")
    if kind == "array":
        inner = schema.get("items")
        of = _member(inner, "type")
        return f"array of {_html(of)}" if isinstance(of, str) else "array"
    if isinstance(kind, list):
        kind = " or ".join(one if isinstance(one, str) else str(one) for one in kind)
    if "enum" in schema and isinstance(schema["enum"], list):
        return " | ".join(f"<code>{_json(one, 0)}</code>" for one in schema["enum"])
    if not isinstance(kind, str):
        return '<span class="dim">any</span>' if not schema else "<code>…</code>"
    return _html(f"{kind} ({form})" if isinstance(form, str) else kind)


def _limits(schema: Any) -> str:
    """What a schema says about a value besides its type."""
    if not isinstance(schema, dict):
        return ""
    texts = [text.format(f"<code>{_json(schema[name], 0)}</code>") for name, text in _LIMITS if name in schema]
    return f'<span class="dim">{", ".join(texts)}</span>' if texts else ""


def _joined(*parts: str) -> str:
    return "<br>".join(part for part in parts if part)


def _member(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, dict) else None


def _html(value: Any) -> str:
    return escape(value) if isinstance(value, str) else _json(value, 0)


def _json(value: Any, indent: int = 2) -> str:
    import orjson

    return escape(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode())
