/*
 * A chat between drivers: what is typed to one is heard by all that share a message bus. Several workers of one
 * server have a bus of their own:
 *
 *     pylpc serve --workers 3 examples/bus_chat.c 4000
 *     ncat 127.0.0.1 4000                                     (twice: most likely you meet two workers)
 *
 * Drivers on several machines need a broker, and each a port and a name (name = "castle" in pylpc.toml):
 *
 *     pylpc --bus mqtt://broker.example.com --allow-net=broker.example.com examples/bus_chat.c 4000
 *
 * Lines are said on the channel "chat"; `who` lists the drivers that are present.
 */
#include <bus.h>
#include <socket.h>

inherit BUS_API;

#define CHANNEL "chat"

private nosave mapping unfinished = ([ ]); // the beginning of a line, by descriptor

/* Who does not read what is said misses it. */
private void tell_all(string text) {
    foreach (int fd in keys(unfinished)) {
        socket_write(fd, text + "\n");
    }
}

private void heard(string channel, mixed line, string from) {
    tell_all("[" + from + "] " + line);
}

private void changed(string node, int is_present) {
    tell_all("* " + node + (is_present ? " has come" : " is gone"));
}

private void left(int fd) {
    map_delete(unfinished, fd);
}

private void typed(int fd, string text) {
    string *lines = explode(unfinished[fd] + replace_string(text, "\r", "") + ".", "\n");

    unfinished[fd] = lines[<1][0..<2];
    foreach (string line in lines[0..<2]) {
        if (line == "who") {
            socket_write(fd, "Here are: " + implode(sort_array(keys(bus_nodes()), 1), ", ") + "\n");
        } else if (line != "") {
            bus_say(CHANNEL, line);
        }
    }
}

private void can_read_again(int fd) {
}

private void knock(int listener) {
    int fd = socket_accept(listener, (: typed :), (: can_read_again :));

    if (fd >= 0) {
        unfinished[fd] = "";
        socket_write(fd, "You are on " + bus_node() + ".\n");
    }
}

int main(string *argv) {
    int fd = socket_create(STREAM, (: typed :), (: left :));
    int code = socket_bind(fd, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "4000"));

    if (code == EESUCCESS) {
        code = socket_listen(fd, (: knock :));
    }
    if (code != EESUCCESS) {
        write("Cannot listen: " + socket_error(code) + "\n");
        return 1;
    }
    bus_join(CHANNEL, (: heard :));
    bus_watch((: changed :));
    return 0;
}
