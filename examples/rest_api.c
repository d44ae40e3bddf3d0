/*
 * A JSON API with typed routes, checked bodies, tokens and documentation:
 *
 *     pylpc examples/rest_api.c 8080
 *     curl http://127.0.0.1:8080/items
 *     curl -d '{"name": "rope", "price": 3}' -H 'Content-Type: application/json' http://127.0.0.1:8080/items
 *     curl -d '{"user": "ann", "password": "secret"}' -H 'Content-Type: application/json' \
 *          http://127.0.0.1:8080/login
 *     curl -X DELETE -H 'Authorization: Bearer TOKEN' http://127.0.0.1:8080/items/1
 *
 * and with a browser http://127.0.0.1:8080/docs. Ends at Ctrl-C.
 */

#include <socket.h>
#include <socket_options.h>

#define MOST_ITEMS 1000

mapping items = ([
    1: ([ "id": 1, "name": "brass lantern", "price": 12, "tags": ({ "light" }) ]),
    2: ([ "id": 2, "name": "canvas bag", "price": 5, "tags": ({ }) ]),
]);
int last = 2;
string secret = "a secret of thirty-two bytes or more";

mapping item_schema = ([
    "type": "object", "required": ({ "name", "price" }), "additionalProperties": 0,
    "properties": ([
        "name": ([ "type": "string", "minLength": 1, "maxLength": 80 ]),
        "price": ([ "type": "integer", "minimum": 0, "maximum": 1000000 ]),
        "tags": ([ "type": "array", "items": ([ "type": "string", "maxLength": 20 ]), "maxItems": 10 ]),
    ]),
]);

mapping login_schema = ([
    "type": "object", "required": ({ "user", "password" }),
    "properties": ([ "user": ([ "type": "string" ]), "password": ([ "type": "string" ]) ]),
]);

mapping problem(int status, string text) {
    return ([ "status": status, "body": ([ "error": status, "message": text ]) ]);
}

mixed list_items(mapping request, mapping path, mapping query) {
    mixed *found = sort_array(values(items), (: $1["id"] - $2["id"] :));
    string tag = query["tag"];

    if (stringp(tag)) found = filter(found, (: member_array($(tag), $1["tags"]) >= 0 :));
    return found;
}

mixed get_item(mapping request, mapping path) {
    return items[path["id"]] || problem(404, "There is no such item");
}

mixed add_item(mapping request) {
    mapping item;

    if (sizeof(items) >= MOST_ITEMS) return problem(409, "The shop is full");
    item = ([ "tags": ({ }) ]) + request["json"];
    item["id"] = ++last;
    items[last] = item;
    return ([ "status": 201, "headers": ([ "location": "/items/" + last ]), "body": item ]);
}

mixed put_item(mapping request, mapping path) {
    int id = path["id"];

    if (!items[id]) return problem(404, "There is no such item");
    return items[id] = ([ "tags": ({ }) ]) + request["json"] + ([ "id": id ]);
}

mixed delete_item(mapping request, mapping path) {
    if (!items[path["id"]]) return problem(404, "There is no such item");
    map_delete(items, path["id"]);
    return ([ "status": 204 ]);
}

mixed login(mapping request) {
    mapping given = request["json"];

    if (given["user"] != "ann" || given["password"] != "secret") return problem(403, "Wrong user or password");
    return ([ "token": rest_create_jwt(([ "sub": given["user"], "exp": time() + 3600 ]), secret) ]);
}

int main(string *argv) {
    int server = socket_create(REST_SERVER, "unhandled");
    mapping item = ([ "description": "The item", "content": ([ "application/json": ([ "schema": item_schema + ([
        "required": ({ "id", "name", "price", "tags" }),
        "properties": item_schema["properties"] + ([ "id": ([ "type": "integer" ]) ]) ]) ]) ]) ]);

    socket_set_option(server, REST_OPENAPI_INFO, ([ "title": "Item shop", "version": "1.0.0",
        "description": "What is for sale. Deleting wants a token of POST /login." ]));
    socket_set_option(server, REST_DOCS_PATH, "/docs");
    socket_set_option(server, REST_JWT_SECRET, secret);
    socket_set_option(server, REST_CORS_CONFIG, ([ "origins": "*" ]));
    socket_set_option(server, REST_RATE_LIMIT, ([ "requests": 10000, "window": 10 ]));
    socket_set_option(server, REST_ADD_ROUTE, ({
        ([ "method": "GET", "pattern": "/items", "handler": "list_items", "docs": ([ "summary": "All items",
            "parameters": ({ ([ "name": "tag", "in": "query", "description": "Only items with this tag",
                                "schema": ([ "type": "string" ]) ]) }),
            "responses": ([ "200": "The items, by number" ]) ]) ]),
        ([ "method": "POST", "pattern": "/items", "handler": "add_item", "schema": item_schema,
            "docs": ([ "summary": "Add an item", "responses": ([ "201": item, "409": "The shop is full" ]) ]) ]),
        ([ "method": "GET", "pattern": "/items/{id:int}", "handler": "get_item",
            "docs": ([ "summary": "One item", "responses": ([ "200": item, "404": "There is no such item" ]) ]) ]),
        ([ "method": "PUT", "pattern": "/items/{id:int}", "handler": "put_item", "schema": item_schema,
            "docs": ([ "summary": "Change an item",
                       "responses": ([ "200": item, "404": "There is no such item" ]) ]) ]),
        ([ "method": "DELETE", "pattern": "/items/{id:int}", "handler": "delete_item", "auth": 1,
            "docs": ([ "summary": "Remove an item",
                       "responses": ([ "204": "It is gone", "404": "There is no such item" ]) ]) ]),
        ([ "method": "POST", "pattern": "/login", "handler": "login", "schema": login_schema, "rate": 1000,
            "docs": ([ "summary": "Get a token",
                       "responses": ([ "200": "A token", "403": "Wrong user or password" ]) ]) ]),
    }));

    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/docs\n");
    return 0;
}
