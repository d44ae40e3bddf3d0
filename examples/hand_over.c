/*
 * A connection changes its owner: the receptionist accepts, and hands each caller to a clerk of his own.
 * Both ends are in this one program, which ends when the last caller has been served.
 */
#include <socket.h>

int listener, served;

/* --- the clerk, a clone of this file --- */

int number;

void set_number(int n) { number = n; }

void clerk_reads(int fd, string text) {
    socket_write(fd, "clerk " + number + ": hello, " + text);
    socket_close(fd);
}

void clerk_ready(int fd) { }

void clerk_closed(int fd) { }

/* The receptionist offers a connection: from now on it is ours. */
void take_over(int fd) {
    socket_acquire(fd, "clerk_reads", "clerk_ready", "clerk_closed");
}

/* --- the receptionist --- */

void reception(int fd) {
    object clerk = clone_object(file_name(this_object()));
    int caller = socket_accept(fd, "nobody_reads", "nobody_writes");

    clerk->set_number(++served);
    if (socket_release(caller, clerk, "take_over") != EESUCCESS) {
        write("nobody took the caller\n");
        socket_close(caller);
    } else if (socket_write(caller, "x") == EESECURITY) {
        write("caller " + served + " is in the hands of a clerk\n");
    }
    if (!sizeof(callers)) {
        socket_close(listener);
    }
}

/* --- the callers --- */

string *callers = ({ "Ann", "Bob", "Cleo" });
string caller; // whose turn it is

void introduce(int fd) {
    socket_write(fd, caller);
}

void answered(int fd, string text) {
    write(text + "\n");
}

void next_caller(int old) {
    int fd;

    if (!sizeof(callers)) {
        return;
    }
    caller = callers[0];
    callers = callers[1..];
    fd = socket_create(STREAM, "answered", "next_caller");
    socket_connect(fd, socket_address(listener, 1), "answered", "introduce");
}

int main(string *argv) {
    listener = socket_create(STREAM, "nobody_reads", "nobody_closes");
    socket_bind(listener, 0, "127.0.0.1 0");
    socket_listen(listener, "reception");
    next_caller(-1);
    return 0;
}
