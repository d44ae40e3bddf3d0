/*
 * The broker `pylpc serve` starts for the bus of its workers: main(({ file, port, password })). It listens on
 * the machine itself, for the user "bus" with that password, and lives as long as the server.
 */
#include <socket.h>

#define USER    "bus"
#define QUEUE   100000      /* messages kept for a worker that is slow or just being replaced */

private nosave string password;

/* Nobody is to be heard: the broker only passes messages on. */
private void on_message(int fd, mapping message, string address) {
}

private void on_end(int fd, string reason, int code) {
    log_error("bus: " + reason);
    shutdown(1);
}

private int may_connect(int fd, mapping client) {
    return client["username"] == USER && client["password"] == password;
}

int main(string *argv) {
    int fd = socket_create(MQTT_BROKER, (: on_message :), (: on_end :));
    int code;

    password = argv[2];
    socket_set_option(fd, MQTT_MAX_QUEUED, QUEUE);
    code = socket_bind(fd, 0, "127.0.0.1 " + argv[1]);
    if (code == EESUCCESS) {
        code = socket_listen(fd, (: may_connect :));
    }
    if (code != EESUCCESS) {
        log_error("bus: " + socket_error(code));
        return 1;
    }
    return 0;
}
