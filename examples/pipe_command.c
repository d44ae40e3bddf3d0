/*
 * Let another program work: sort(1) sorts the arguments. The host has to allow it:
 *
 *     pylpc --allow-run=sort examples/pipe_command.c pear fig apple
 */
#include <socket.h>

string *words;
string sorted = "";

/* The command runs: it gets its input, and that this was all. */
void feed_sort(int fd) {
    socket_write(fd, implode(words, "\n") + "\n");
    socket_write(fd, ([ "eof": 1 ]));
}

void sort_output(int fd, string text) {
    sorted += text;
}

/* Its end, or why it did not even start: a command's own status is never negative. */
void sort_ended(int fd, string reason, int code) {
    if (code) {
        write("sort: " + reason + "\n");
        shutdown(1);
        return;
    }
    write(sorted);
}

int main(string *argv) {
    int fd = socket_create(EXTERNAL_PIPE, "sort_output", "sort_ended");

    words = argv[1..];
    socket_set_option(fd, EXTERNAL_TIMEOUT, 10);
    socket_connect(fd, "sort --reverse", "sort_output", "feed_sort");
    return 0;
}
