/*
 * Files of the mudlib over HTTP, without LPC in between:
 *
 *     pylpc examples/http_static.c 8080 /doc
 *
 * GET and HEAD below /files come from the directory, with conditions and ranges; everything else is a request
 * for answer(). What the master's valid_read() refuses is not found. Ends at Ctrl-C.
 */

#include <socket.h>

void answer(int connection, mapping request, string address) {
    socket_write(connection, (["status": 302, "headers": (["location": "/files/"])]));
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "answer");
    string directory = sizeof(argv) > 2 ? argv[2] : "/doc";

    socket_set_option(server, HTTP_STATIC, (["/files": directory]));
    socket_set_option(server, HTTP_HEADERS, (["cache-control": "max-age=60"]));
    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/files/\n");
    return 0;
}
