/*
 * Asks a JSON API, such as that of rest_api.c:
 *
 *     pylpc examples/rest_api.c 8080
 *     pylpc examples/rest_client.c http://127.0.0.1:8080
 *
 * Each request has an id, by which its answer is known. Answers have "ok" and, where they are JSON, "data".
 */

#include <socket.h>

int api;

void ready(int fd) {
    socket_write(fd, ([ "id": "list", "path": "/items", "query": ([ "tag": "light" ]) ]));
    socket_write(fd, ([ "id": "add", "method": "POST", "path": "/items", "json": ([ "name": "rope", "price": 3 ]) ]));
    socket_write(fd, ([ "id": "bad", "method": "POST", "path": "/items", "json": ([ "name": "" ]) ]));
    socket_write(fd, ([ "id": "login", "method": "POST", "path": "/login",
                        "json": ([ "user": "ann", "password": "secret" ]) ]));
}

void answered(int fd, mapping answer) {
    mixed data = answer["data"];

    switch (answer["id"]) {
    case "list":
        foreach (mapping item in data) printf("%s costs %d\n", item["name"], item["price"]);
        break;
    case "add":
        printf("%s is number %d\n", data["name"], data["id"]);
        break;
    case "bad":
        printf("%d: %s\n", answer["status"], implode(data["errors"], ", "));
        break;
    case "login":
        socket_write(fd, ([ "id": "remove", "method": "DELETE", "path": "/items/1",
                            "headers": ([ "Authorization": "Bearer " + data["token"] ]) ]));
        break;
    case "remove":
        write(answer["ok"] ? "The lantern is gone\n" : "It stays: " + answer["status"] + "\n");
        socket_close(fd);
    }
}

void ended(int fd, string reason) {
    write(reason + "\n");
}

int main(string *argv) {
    api = socket_create(REST_CLIENT, "answered", "ended");
    if (socket_connect(api, sizeof(argv) > 1 ? argv[1] : "http://127.0.0.1:8080", 0, "ready") == EESUCCESS) return 0;
    write(socket_get_option(api, SO_LAST_ERROR) + "\n");
    return 1;
}
