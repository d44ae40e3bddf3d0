/*
 * A chat: every line somebody types reaches all the others. Try it with telnet, nc or ncat:
 *
 *     pylpc examples/chat_server.c 4000
 *     ncat 127.0.0.1 4000
 *
 * Without a port, or with 0, the system chooses one. To let other machines in, bind to their address and
 * start it with --allow-listen=ADDRESS:PORT.
 */
#include <socket.h>

#define LONGEST_LINE 500

mapping names = ([ ]);      // by descriptor; 0 until a name was given
mapping unfinished = ([ ]); // the beginning of a line, by descriptor

/* Say something to one visitor. Who does not read what is said misses it. */
void tell(int fd, string text) {
    int code = socket_write(fd, text + "\n");

    if (code < 0 && code != EECALLBACK && code != EEALREADY && code != EEWOULDBLOCK) {
        write("fd " + fd + ": " + socket_error(code) + "\n");
    }
}

/* Say something to everybody with a name but one. */
void tell_others(int speaker, string text) {
    foreach (int fd, string name in copy(names)) {
        if (name && fd != speaker) {
            tell(fd, text);
        }
    }
}

string visitors() {
    string *present = sort_array(filter(values(names), (: $1 :)), 1);

    return sizeof(present) ? implode(present, ", ") : "nobody";
}

/* A visitor is gone, by himself or not. */
void leave(int fd) {
    string name = names[fd];

    map_delete(names, fd);
    map_delete(unfinished, fd);
    if (name) {
        write(name + " left\n");
        tell_others(fd, "* " + name + " left");
    }
}

void enter(int fd, string name) {
    if (member_array(name, values(names)) >= 0) {
        tell(fd, "There is a " + name + " already. Who are you?");
        return;
    }
    tell(fd, "Here are: " + visitors());
    names[fd] = name;
    write(name + " came\n");
    tell_others(fd, "* " + name + " came");
}

/* One line, without its end. */
void line(int fd, string text) {
    text = trim(text);
    if (text == "") {
        return;
    }
    if (!names[fd]) {
        enter(fd, text[0..19]);
    } else if (text == "/who") {
        tell(fd, "Here are: " + visitors());
    } else if (text == "/quit") {
        tell(fd, "Good bye.");
        leave(fd);
        socket_close(fd);
    } else {
        tell_others(fd, names[fd] + ": " + text);
    }
}

/* Text arrives as the network cuts it: lines are made here. */
void got_text(int fd, string text) {
    string *lines = explode(unfinished[fd] + text + "\n", "\n");

    if (text[<1] == '\n') {
        lines += ({ "" });
    }
    unfinished[fd] = lines[<1][0..LONGEST_LINE];
    foreach (string one in lines[0..<2]) {
        if (undefinedp(unfinished[fd])) {
            return; // the line before was the last one
        }
        line(fd, one);
    }
}

/* There is room again; what a slow visitor missed meanwhile stays missed. */
void has_room(int fd) { }

void visitor_waits(int listener) {
    int fd = socket_accept(listener, "got_text", "has_room");

    if (fd < 0) {
        write("Cannot accept: " + socket_error(fd) + "\n");
        return;
    }
    names[fd] = 0;
    unfinished[fd] = "";
    tell(fd, "Welcome. Who are you?");
}

int main(string *argv) {
    int port = sizeof(argv) > 1 ? to_int(argv[1]) : 0;
    int listener = socket_create(STREAM, "got_text", "leave");

    if (socket_bind(listener, 0, "127.0.0.1 " + port) < 0 || socket_listen(listener, "visitor_waits") < 0) {
        write(socket_get_option(listener, SO_LAST_ERROR) + "\n");
        socket_close(listener);
        return 1;
    }
    write("Chat at " + socket_address(listener, 1) + "\n");
    return 0;
}
