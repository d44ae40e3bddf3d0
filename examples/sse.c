/*
 * Server-sent events: a count for everyone who listens, and a POST that tells them all something.
 *
 *     pylpc examples/sse.c 8080
 *     curl -N http://127.0.0.1:8080/events
 *     curl -d 'Hello' http://127.0.0.1:8080/tell
 *
 * An answer with "chunked" stays open: each further socket_write() is a piece of its body, (["end": 1]) the end.
 */

#include <socket.h>

mapping listeners = ([]);
int count;

void tell_all(string kind, string text) {
    foreach (int connection in keys(listeners)) {
        // EECALLBACK: taken, but this reader is behind; EEALREADY: it still is, and misses one.
        socket_write(connection, "event: " + kind + "\ndata: " + text + "\n\n");
    }
}

void tick() {
    tell_all("count", "" + ++count);
    call_out("tick", 1);
}

void answer(int connection, mapping request, string address) {
    switch (request["method"] + " " + request["path"]) {
        case "GET /events":
            socket_write(connection, (["headers": (["content-type": "text/event-stream", "cache-control": "no-store"]),
                                       "chunked": 1, "body": "event: welcome\ndata: " + count + "\n\n"]));
            listeners[connection] = 1;
            break;
        case "POST /tell":
            // A line end would be the end of the event.
            tell_all("said", replace_string(request["body"], "\n", " "));
            socket_write(connection, (["status": 204]));
            break;
        default:
            socket_write(connection, (["status": 404]));
    }
}

void gone(int connection, string reason, int code) {
    map_delete(listeners, connection);
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "answer", "gone");

    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    call_out("tick", 1);
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/events\n");
    return 0;
}
