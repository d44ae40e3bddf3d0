/*
 * Files over WebSocket.
 *
 *     pylpc examples/websocket_file.c serve 8765
 *     pylpc examples/websocket_file.c send 127.0.0.1:8765 /doc/map.png
 *     pylpc examples/websocket_file.c send 127.0.0.1:8765 /doc/map.png 65536
 *
 * The server puts what arrives into /save. Nothing but the bytes from the given place on is sent, so a transfer
 * that broke can go on where it was; the checksum tells whether they came as they left.
 */

#include <socket.h>

mapping arriving = ([]);

// ---------------------------------------------------------------------------------------------- the server

void received(int connection, mapping event) {
    string path;

    switch (event["event"]) {
        case "begin":
            // The name is one of a file, never of a place: the driver has looked.
            path = "/save/" + event["name"];
            if (event["offset"] == 0) {
                rm(path);
            } else if (file_size(path) != event["offset"]) {
                write("There are " + file_size(path) + " bytes of " + path + "\n");
                socket_close(connection);
                return;
            }
            arriving[connection] = path;
            break;
        case "data":
            path = arriving[connection];
            if (event["offset"] == 0) write_file(path, "");
            write_buffer(path, event["offset"], event["data"]);
            break;
        case "end":
            write(sprintf("%s: %d bytes, %s\n", event["name"], event["bytes"], event["ok"] ? "good" : "broken"));
            break;
    }
}

void gone(int connection, string reason, int code) {
    if (code != 1000) write(reason + "\n");
    map_delete(arriving, connection);
}

int serve(string port) {
    int server = socket_create(WEBSOCKET_FILE_STREAM, "received", "gone");

    socket_bind(server, 0, "127.0.0.1 " + port);
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("Listening on " + socket_address(server, 1) + "\n");
    return 0;
}

// ---------------------------------------------------------------------------------------------- the client

mapping file;

void ready(int fd) {
    if (!file) {  // it is sent
        write("Sent.\n");
        socket_write(fd, (["type": "close"]));
        return;
    }
    if (socket_write(fd, file) != EESUCCESS) {
        write("Cannot send: " + socket_get_option(fd, SO_LAST_ERROR) + "\n");
        shutdown(1);
    }
    file = 0;
}

void over(int fd, string reason, int code) {
    if (code != 1000) write(reason + "\n");
    shutdown(code != 1000);
}

int send(string where, string path, int offset) {
    int fd = socket_create(WEBSOCKET_FILE_STREAM, "received", "over");

    file = (["file": path, "offset": offset]);
    if (socket_connect(fd, where, "received", "ready") != EESUCCESS) {
        write("Cannot connect: " + socket_get_option(fd, SO_LAST_ERROR) + "\n");
        return 1;
    }
    return 0;
}

int main(string *argv) {
    if (sizeof(argv) > 2 && argv[1] == "serve") return serve(argv[2]);
    if (sizeof(argv) > 3 && argv[1] == "send") {
        return send(argv[2], argv[3], sizeof(argv) > 4 ? to_int(argv[4]) : 0);
    }
    write("serve PORT, or send HOST:PORT PATH [OFFSET]\n");
    return 1;
}
