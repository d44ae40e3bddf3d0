/*
 * The LPC side of bench/sockets.py: stream_server.c MODE TASK [PEM] says "IP PORT" and serves. PEM is a file with
 * the key and the certificate of a TLS server.
 *
 * Tasks: echo, sink (counts what arrives, and says so at "end"), source (sends pieces), count (answers now and
 * then), accept (drops each connection), hold (keeps each).
 */
#include <socket.h>

#define PIECE 65536
#define BATCH 500

int listener, received, left;
string piece;

void echo(int fd, mixed data) {
    socket_write(fd, data);
}

void sink(int fd, mixed data) {
    received += sizeof(data);
    if (data[<1] == '\n') {
        socket_write(fd, received + "\n");
        received = 0;
    }
}

/* A request names a number of pieces. */
void source(int fd, string data) {
    left = to_int(data);
    send(fd);
}

void send(int fd) {
    while (left > 0) {
        int code = socket_write(fd, piece);
        if (code == EESUCCESS || code == EECALLBACK) {
            left--;
        }
        if (code != EESUCCESS) {
            return;
        }
    }
}

/* Answers every BATCH values. */
void count(int fd, mixed data) {
    if (!(++received % BATCH)) {
        socket_write(fd, received);
    }
}

void hold(int fd, string data) { }

void ended(int fd) { }

void caller(int fd) {
    socket_accept(fd, task, "send");
}

void drop(int fd) {
    socket_close(socket_accept(fd, "hold", "send"));
}

string task;

int main(string *argv) {
    task = argv[2];
    piece = sprintf("%'x'" + PIECE + "s", "");
    listener = socket_create(to_int(argv[1]), task, "ended");
    if (sizeof(argv) > 3) {
        socket_set_option(listener, SO_TLS_CERT, argv[3]);
        socket_set_option(listener, SO_TLS_KEY, argv[3]);
    }
    socket_bind(listener, 0, "127.0.0.1 0");
    socket_listen(listener, task == "accept" ? "drop" : "caller");
    write(socket_address(listener, 1) + "\n");
    return 0;
}
