/*
 * Collect log lines that other programs send by UDP, in /log/remote and on the screen: plain text at one port,
 * and compressed packets (zstd, each on its own) at the next.
 *
 *     pylpc examples/udp_log_receiver.c 5514
 *     logger --udp --server 127.0.0.1 --port 5514 "disk almost full"
 *     dmesg | tail -50 | zstd | socat -u -b 65000 - UDP:127.0.0.1:5515
 *
 * Anybody can send packets: what cannot be inflated is dropped and counted, and nothing ends the receiver.
 */
#include <socket.h>

#define LOG "/log/remote"

int plain, compressed, reported;

/* Text comes from strangers here: control characters would steer the terminal of whoever reads it. */
string shown(string text) {
    return implode(map(explode(text, ""), (: $1[0] < ' ' || $1[0] == 127 ? "?" : $1 :)), "");
}

/* A packet may hold several lines. */
void lines_received(int fd, mixed data, string sender) {
    if (bufferp(data)) {
        write(sprintf("%s sent %d bytes that are no text\n", sender, sizeof(data)));
        return;
    }
    foreach (string line in explode(data, "\n")) {
        line = sender + " " + shown(line) + "\n";
        write(line);
        write_file(LOG, line);
    }
}

void compressed_received(int fd, mixed data, string sender) {
    int dropped = socket_get_option(fd, SO_DROPPED);

    if (dropped > reported) {
        write(sprintf("%d packets were not zstd\n", dropped - reported));
        reported = dropped;
    }
    lines_received(fd, data, sender);
}

int receive(int mode, string callback, int port) {
    int fd = socket_create(mode, callback);

    if (socket_bind(fd, port, "127.0.0.1 " + port) != EESUCCESS) {
        write("Cannot receive: " + socket_get_option(fd, SO_LAST_ERROR) + "\n");
        shutdown(1);
        return -1;
    }
    write("Receiving " + (mode == DATAGRAM ? "text" : "zstd") + " at " + socket_address(fd, 1) + "\n");
    return fd;
}

int main(string *argv) {
    int port = sizeof(argv) > 1 ? to_int(argv[1]) : 5514;

    plain = receive(DATAGRAM, "lines_received", port);
    compressed = receive(DATAGRAM_COMPRESSED, "compressed_received", port ? port + 1 : 0);
    return plain < 0 || compressed < 0;
}
