/* Two ends of a socket pair in one program: a clerk that answers whatever the other end asks. */

void ask(int fd) {
    socket_write(fd, "What is the time?\n");
}

/* The near end hears the answers. */
void hear_answer(int fd, string text) {
    write("Answer: " + text);
    socket_close(fd);
}

/* The far end hears the questions. */
void hear_question(int fd, string text) {
    write("Question: " + text);
    socket_write(fd, "Time for tea.\n");
}

void clerk_may_write(int fd) {
}

/* Both ends have this third callback; it is called for the one that did not close. */
void other_end_closed(int fd, string reason, int code) {
    write(reason + "\n");
}

int main(string *argv) {
    int near = socket_create(EXTERNAL_SOCKETPAIR, "hear_answer", "other_end_closed");

    socket_accept(near, "hear_question", "clerk_may_write");
    ask(near);
    return 0;
}
