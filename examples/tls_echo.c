/*
 * Sends back what it gets, over TLS. Certificate and key are PEM files; a program may read those in the
 * mudlib, others need a grant. To make a pair and try it:
 *
 *     openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -keyout key.pem -out cert.pem
 *     pylpc --allow-read=$PWD examples/tls_echo.c $PWD/cert.pem $PWD/key.pem 4433
 *     openssl s_client -quiet -connect 127.0.0.1:4433
 */
#include <socket.h>

mapping waiting = ([ ]); // what a full socket still has to get, by descriptor

/* Send, or keep for later. A full socket (EECALLBACK) has taken the message itself. */
void echo(int fd, mixed data) {
    int code = undefinedp(waiting[fd]) ? socket_write(fd, data) : EEALREADY;

    if (code == EEALREADY || code == EEWOULDBLOCK) {
        waiting[fd] = (waiting[fd] || ({ })) + ({ data });
    }
}

/* The handshake is done, or a full socket has room again. */
void has_room(int fd) {
    mixed *messages = waiting[fd] || ({ });

    map_delete(waiting, fd);
    foreach (mixed message in messages) {
        echo(fd, message);
    }
}

void ended(int fd) {
    map_delete(waiting, fd);
    write("connection " + fd + " ended\n");
}

void caller_waits(int listener) {
    int fd = socket_accept(listener, "echo", "has_room");

    if (fd < 0) {
        write("Cannot accept: " + socket_error(fd) + "\n");
    }
}

int main(string *argv) {
    int listener = socket_create(STREAM_TLS_BINARY, "echo", "ended");

    if (sizeof(argv) < 3) {
        write("usage: tls_echo.c CERTIFICATE KEY [PORT]\n");
        return 2;
    }
    socket_set_option(listener, SO_TLS_CERT, argv[1]);
    socket_set_option(listener, SO_TLS_KEY, argv[2]);
    if (socket_bind(listener, 0, "127.0.0.1 " + (sizeof(argv) > 3 ? argv[3] : "0")) < 0
            || socket_listen(listener, "caller_waits") < 0) {
        write(socket_get_option(listener, SO_LAST_ERROR) + "\n");
        socket_close(listener);
        return 1;
    }
    write("TLS echo at " + socket_address(listener, 1) + "\n");
    return 0;
}
