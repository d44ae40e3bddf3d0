#include "/expect.h"
#include <socket_err.h>

// One message for several clients of ours, and who cannot have it.

int server, *members = ({ }), *clients = ({ });
string *heard = ({ });

void told(int fd, mixed data, mapping info) {
    heard += ({ info["type"] + " " + (bufferp(data) ? sizeof(data) : data) });
    if (sizeof(heard) < 4) return;
    foreach (int client in clients) socket_close(client);
    socket_close(server);
}

void ready(int fd) {
    members += ({ fd });
    if (sizeof(members) < 2) return;
    expect(websocket_broadcast(members, "to all"), ({ 1, 1 }));
    expect(websocket_broadcast(members, allocate_buffer(5)), ({ 1, 1 }));
    expect(websocket_broadcast(({ members[0], 1000, server }), repeat_string("x", 65537)),
           ({ EEBADDATA, EEFDRANGE, EENOTCONN }));
}

void caller(int fd) { socket_accept(fd, "told", "ready"); }
void opened(int fd) { }

void test_broadcast() {
    int stream = socket_create(STREAM, "told");

    server = socket_create(WEBSOCKET_SERVER, "told");
    expect(socket_bind(server, 0, "127.0.0.1 0"), 1);
    expect(socket_listen(server, "caller"), 1);
    for (int i = 0; i < 2; i++) {
        clients += ({ socket_create(WEBSOCKET_CLIENT, "told") });
        expect(socket_connect(clients[i], socket_address(server, 1), "told", "opened"), 1);
    }
    expect(websocket_broadcast(({ }), "nobody"), ({ }));
    expect(websocket_broadcast(({ stream }), "x"), ({ EEMODENOTSUPP }));
    socket_close(stream);
    expect(websocket_broadcast(({ stream, clients[0] }), "x"), ({ EEBADF, EENOTCONN }));
    expect(stringp(catch(websocket_broadcast(({ "x" }), "x"))), 1);
}

void finished() {
    expect(sort_array(heard, 1), ({ "binary 5", "binary 5", "text to all", "text to all" }));
}
