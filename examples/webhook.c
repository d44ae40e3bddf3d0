/*
 * A webhook: other programs tell us something as JSON, if they know the secret.
 *
 *     pylpc examples/webhook.c 8080 secret
 *     curl -d '{"event":"push","by":"Ann"}' -H 'Content-Type: application/json' \
 *          -H 'Authorization: Bearer secret' http://127.0.0.1:8080/hook
 *
 * Beyond this machine the secret needs HTTPS_SERVER with SO_TLS_CERT and SO_TLS_KEY.
 */

#include <socket.h>

string secret;

void refuse(int connection, int status, string why) {
    socket_write(connection, (["status": status, "body": (["error": why])]));
}

void answer(int connection, mapping request, string address) {
    mapping event;

    if (request["path"] != "/hook") {
        refuse(connection, 404, "no such hook");
        return;
    }
    if (request["method"] != "POST") {
        socket_write(connection, (["status": 405, "headers": (["allow": "POST"])]));
        return;
    }
    if (request["headers"]["authorization"] != "Bearer " + secret) {
        socket_write(connection, (["status": 401, "headers": (["www-authenticate": "Bearer"])]));
        return;
    }
    event = request["json"];
    if (!mapp(event) || !stringp(event["event"])) {
        refuse(connection, 422, "no event");
        return;
    }
    write(event["event"] + " by " + event["by"] + "\n");
    socket_write(connection, (["body": (["received": event["event"]])]));
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "answer");

    secret = sizeof(argv) > 2 ? argv[2] : "secret";
    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/hook\n");
    return 0;
}
