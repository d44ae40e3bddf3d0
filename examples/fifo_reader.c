/*
 * Take commands from other programs through a named pipe; "quit" ends it. From another terminal:
 *
 *     echo status > /tmp/mud_commands
 */

string unfinished = "";

void run_command(int fd, string command) {
    switch (command) {
        case "status":
            write(sprintf("Everything is fine, %d objects are loaded\n", sizeof(objects())));
            break;
        case "quit":
            write("Goodbye\n");
            socket_close(fd);
            break;
        default:
            write("I do not know how to " + command + "\n");
    }
}

/* A pipe knows no lines: what comes may be several, or only a part of one. The dots keep explode() from
 * dropping what is empty at the ends. */
void fifo_data(int fd, string text) {
    string *lines = explode("." + unfinished + text + ".", "\n");

    lines[0] = lines[0][1..];
    unfinished = lines[< 1][0..< 2];
    foreach (string line in lines[0..< 2]) {
        run_command(fd, line);
    }
}

void fifo_error(int fd, string reason) {
    write("No commands: " + reason + "\n");
    shutdown(1);
}

int main(string *argv) {
    int fd = socket_create(EXTERNAL_FIFO, "fifo_data", "fifo_error");

    if (socket_bind(fd, "/tmp/mud_commands") == 1) {
        write("Waiting for commands\n");
    }
    return 0;
}
