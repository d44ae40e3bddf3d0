/*
 * Keeps values under names for other programs, which send it mappings: mode MUD carries LPC values whole, so
 * neither end has to cut or parse text. mud_mode_client.c is the other end.
 *
 *     pylpc examples/mud_mode_server.c 4001
 */
#include <socket.h>

mapping store = ([ ]);

mixed answer(mixed request) {
    if (!mapp(request)) {
        return ([ "error" : "a request is a mapping" ]);
    }
    switch (request["do"]) {
        case "put":
            store[request["name"]] = request["value"];
            return ([ "stored" : sizeof(store) ]);
        case "get":
            return ([ "name" : request["name"], "value" : store[request["name"]] ]);
        case "names":
            return ([ "names" : sort_array(keys(store), 1) ]);
    }
    return ([ "error" : "there are put, get and names" ]);
}

void got_request(int fd, mixed request) {
    socket_write(fd, answer(request));
}

void has_room(int fd) { }

void ended(int fd) {
    write("client " + fd + " ended\n");
}

void client_waits(int listener) {
    write("client " + socket_accept(listener, "got_request", "has_room") + " came\n");
}

int main(string *argv) {
    int listener = socket_create(MUD, "got_request", "ended");

    if (socket_bind(listener, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "0")) < 0
            || socket_listen(listener, "client_waits") < 0) {
        write(socket_get_option(listener, SO_LAST_ERROR) + "\n");
        socket_close(listener);
        return 1;
    }
    write("Values at " + socket_address(listener, 1) + "\n");
    return 0;
}
