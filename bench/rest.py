"""Measures mode 24: a route with a JSON body, a schema and a JSON answer, against the "Hello, world!" of mode 20.

    python bench/rest.py [--rounds N] [--seconds N] [--connections N]

Both servers are LPC, each alone in a process of its own on uvloop, with Debian's wrk in another as the client;
they take turns, best of N. Beside requests per second stands the server's processor time for each, which other
work on the machine changes least. `get` is a route with a typed parameter and a JSON answer.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

from processes import free_port, processor_time, server, wrk

SCRIPT = """
void hello(int fd, mapping request, string addr) {
    socket_write(fd, (["headers": (["content-type": "text/plain"]), "body": "Hello, world!\\n"]));
}

mixed order(mapping request) {
    mapping given = request["json"];
    return ([ "id": 7, "item": given["item"], "total": given["count"] * 12, "state": "accepted" ]);
}

mixed item(mapping request, mapping path) {
    return ([ "id": path["id"], "name": "brass lantern", "price": 12 ]);
}

mapping schema = ([
    "type": "object", "required": ({ "item", "count" }), "additionalProperties": 0,
    "properties": ([
        "item": ([ "type": "string", "minLength": 1, "maxLength": 100 ]),
        "count": ([ "type": "integer", "minimum": 1, "maximum": 1000 ]),
        "note": ([ "type": "string" ]),
        "tags": ([ "type": "array", "items": ([ "type": "string" ]) ]),
    ]),
]);

int main(string *argv) {
    int server = socket_create(argv[2] == "hello" ? HTTP_SERVER : REST_SERVER, "hello");
    if (argv[2] != "hello") {
        socket_set_option(server, 111, ({
            ([ "method": "POST", "pattern": "/orders", "handler": (: order :), "schema": schema ]),
            ([ "method": "GET", "pattern": "/items/{id:int}", "handler": (: item :) ]),
        }));
    }
    socket_bind(server, 0, "127.0.0.1 " + argv[1]);
    socket_listen(server);
    return 0;
}
"""

POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"item":"brass lantern","count":3,"note":"for the cellar","tags":["light","old"]}'
"""

PATHS = {"hello": "/", "post": "/orders", "get": "/items/7"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    best = dict.fromkeys(PATHS, 0.0)
    cost = dict.fromkeys(PATHS, math.inf)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server.c").write_text(SCRIPT, encoding="utf-8")
        (folder / "post.lua").write_text(POST, encoding="utf-8")
        for _ in range(options.rounds):
            for kind, path in PATHS.items():
                port, script = free_port(), ("-s", str(folder / "post.lua")) if kind == "post" else ()
                with server(port, "-m", "lpc", "--mudlib", folder, "-A", folder / "server.c", port, kind) as pid:
                    before = processor_time(pid)
                    found = wrk(f"http://127.0.0.1:{port}{path}", options.seconds, options.connections, *script)
                    spent = (processor_time(pid) - before) / (found * options.seconds)
                best[kind] = max(best[kind], found)
                cost[kind] = min(cost[kind], spent * 1e6)
    for kind, found in best.items():
        print(f"{kind:8}{found:8.0f}/s, {found / best['hello']:.2f} of hello ({cost['hello'] / cost[kind]:.2f} by "
              f"processor time); {cost[kind]:.1f} us each")


if __name__ == "__main__":
    main()
