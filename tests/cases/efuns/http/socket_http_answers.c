#include "/expect.h"

// The shorthands of answers, asked for by a client of ours.

int server, client;
string *told = ({ });

void asked(int fd, mapping request, string address) {
    switch (request["path"]) {
        case "/response":
            expect(socket_http_response(fd, 202, "fine", ([ "X-A": "1" ])), 1);
            break;
        case "/json":
            expect(socket_http_json(fd, ({ 1, "x" })), 1);
            break;
        case "/error":
            expect(socket_http_error(fd, 404, "no such room"), 1);
            break;
        case "/bare":
            expect(socket_http_error(fd, 503), 1);
            break;
        case "/away":
            expect(socket_http_redirect(fd, "/json"), 1);
    }
}

void got(int fd, mapping answer, string address) {
    told += ({ answer["id"] + " " + answer["status"] + " " + answer["body"] + " " + answer["headers"]["x-a"] });
    if (sizeof(told) == 5) {
        socket_close(client);
        socket_close(server);
    }
}

void ready(int fd) {
    foreach (string path in ({ "/response", "/json", "/error", "/bare", "/away" }))
        expect(socket_write(fd, ([ "path": path ])), 1);
}

void test_answers() {
    server = socket_create(HTTP_SERVER, "asked");
    expect(socket_bind(server, 0, "127.0.0.1 0"), 1);
    expect(socket_listen(server), 1);
    client = socket_create(HTTP_CLIENT, "got");
    expect(socket_connect(client, socket_address(server, 1), "got", "ready"), 1);
    expect(socket_http_json(client, 1), -25);
    expect(socket_http_response(99, 200, ""), -5);
}

void finished() {
    expect(sort_array(told, 1), ({
        "1 202 fine 1",
        "2 200 [1,\"x\"] 0",
        "3 404 {\"error\":404,\"message\":\"no such room\"} 0",
        "4 503 {\"error\":503,\"message\":\"Service Unavailable\"} 0",
        "5 200 [1,\"x\"] 0",
    }));
}
