/*
 * A form with a file:
 *
 *     pylpc examples/upload.c 8080
 *     curl -F who=Ann -F file=@README.md http://127.0.0.1:8080/
 *
 * The fields of a form are in request["form"], its files in request["files"], each a mapping with "filename",
 * "content_type" and "body" (a buffer). Both are arrays of values where a name is repeated.
 */

#include <socket.h>

#define PAGE "<!doctype html><form method=post enctype=multipart/form-data>\n" \
             "<input name=who><input name=file type=file><button>Send</button></form>\n"

void answer(int connection, mapping request, string address) {
    mapping file;

    if (request["method"] == "GET") {
        socket_write(connection, (["headers": (["content-type": "text/html; charset=utf-8"]), "body": PAGE]));
        return;
    }
    file = request["files"] && request["files"]["file"];
    if (!mapp(file)) {
        socket_write(connection, (["status": 400, "body": "One file, please.\n"]));
        return;
    }
    // A client may call its file anything, so the name is no path of ours.
    write(request["form"]["who"] + " sent " + sizeof(file["body"]) + " bytes of " + file["content_type"] + "\n");
    socket_write(connection, (["status": 201, "body": "Thank you, " + request["form"]["who"] + ".\n"]));
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "answer");

    socket_set_option(server, CONTENT_SIZE_LIMIT, 10000000);
    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/\n");
    return 0;
}
