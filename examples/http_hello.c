/*
 * The smallest web server:
 *
 *     pylpc examples/http_hello.c 8080
 *     curl http://127.0.0.1:8080/?name=Ann
 *
 * Without a callback socket_listen() accepts by itself. Ends at Ctrl-C.
 */

#include <socket.h>

void answer(int connection, mapping request, string address) {
    string name = request["query_params"]["name"];

    if (request["path"] != "/") {
        socket_write(connection, (["status": 404, "body": "Nothing here.\n"]));
        return;
    }
    socket_write(connection, "Hello, " + (name || "world") + "!\n");
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "answer");

    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/\n");
    return 0;
}
