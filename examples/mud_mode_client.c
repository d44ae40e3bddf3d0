/*
 * Talks to mud_mode_server.c: stores some values, asks for them, prints what comes back, ends.
 *
 *     pylpc examples/mud_mode_client.c 4001
 */
#include <socket.h>

mapping *requests = ({
    ([ "do" : "put", "name" : "sword", "value" : ([ "damage" : ({ 1, 8 }), "weight" : 2.5, "runes" : "\"ᚠᚢ\"\n" ]) ]),
    ([ "do" : "put", "name" : "torch", "value" : ({ "lit", 300 }) ]),
    ([ "do" : "names" ]),
    ([ "do" : "get", "name" : "sword" ]),
    ([ "do" : "get", "name" : "shield" ]),
    ([ "do" : "sing" ]),
});

/* One request at a time; after the last answer there is nothing left to wait for. */
void next_request(int fd) {
    if (!sizeof(requests)) {
        socket_close(fd);
        return;
    }
    socket_write(fd, requests[0]);
    requests = requests[1..];
}

void got_answer(int fd, mapping reply) {
    string *lines = map(sort_array(keys(reply), 1), (: $1 + " " + sprintf("%O", $(reply)[$1]) :));

    write(implode(lines, ", ") + "\n");
    next_request(fd);
}

void ended(int fd) {
    write("the server is gone\n");
}

int main(string *argv) {
    int fd = socket_create(MUD, "got_answer", "ended");
    string where = "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "4001");
    int code = socket_connect(fd, where, "got_answer", "next_request");

    if (code < 0) {
        write(where + ": " + socket_error(code) + "\n");
        return 1;
    }
    return 0;
}
