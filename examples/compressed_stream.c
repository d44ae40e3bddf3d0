/*
 * A compressed connection. Both ends are in this one program, which ends when they have talked; the format
 * is zstd, or zlib if asked for:
 *
 *     pylpc examples/compressed_stream.c zlib
 *
 * From a shell the same is `zstd -c FILE | ncat --send-only HOST PORT` (or `pigz -zc`), and
 * `ncat --recv-only HOST PORT | zstd -dc` the other way.
 */
#include <socket.h>

#define LINES 2000

int listener;
string format = "zstd";
string received = "";

int make_socket(string read, string end) {
    int fd = socket_create(STREAM_COMPRESSED, read, end);

    socket_set_option(fd, SO_COMPRESSION, format);
    return fd;
}

/* --- the server --- */

void caller_waits(int fd) {
    socket_accept(fd, "server_reads", "server_has_room");
    socket_close(fd);
}

/* However large a message was: what arrives are pieces of at most 64 KiB. */
void server_reads(int fd, string text) {
    received += text;
    if (strsrch(received, "the end\n") >= 0) {
        write(sprintf("server: %d characters in %d lines\n", strlen(received), sizeof(explode(received, "\n"))));
        socket_write(fd, "thank you\n");
        socket_close(fd);
    }
}

void server_ends(int fd, string reason, int code) {
    write("server: " + reason + "\n");
}

/* --- the client --- */

void client_is_up(int fd) {
    string text = "";

    for (int n = 1; n <= LINES; n++) {
        text += sprintf("line %d of a text that says much the same again and again\n", n);
    }
    write(sprintf("client: sending %d characters as %s\n", strlen(text), socket_get_option(fd, SO_COMPRESSION)));
    socket_write(fd, text + "the end\n");
}

void client_reads(int fd, string text) {
    write("client: " + text);
}

void client_ends(int fd, string reason, int code) {
    write("client: " + reason + "\n");
}

int main(string *argv) {
    if (sizeof(argv) > 1) {
        format = argv[1];
    }
    listener = make_socket("server_reads", "server_ends");
    if (socket_bind(listener, 0, "127.0.0.1 0") < 0 || socket_listen(listener, "caller_waits") < 0) {
        write(socket_get_option(listener, SO_LAST_ERROR) + "\n");
        return 1;
    }
    socket_connect(make_socket("client_reads", "client_ends"), socket_address(listener, 1), "client_reads",
                   "client_is_up");
    return 0;
}
