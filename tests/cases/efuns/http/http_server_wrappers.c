#include "/expect.h"

int first, second;
mapping *answers = ({ });

void serve(mapping request) {
    if (request["path"] == "/json")
        expect(http_send_response(request["id"], ([ "status": 201, "body": ([ "got": request["json"] ]) ])), 1);
    else
        expect(http_response_send(request["id"], ([ "headers": ([ "X-A": "1" ]), "body": request["method"] ])), 1);
    expect(http_send_response(request["id"], ([ ])), 0);
}

void got(mapping answer) {
    answers += ({ answer });
    if (sizeof(answers) < 4) return;
    expect(http_stop_server(first), 1);
    expect(http_stop_server(first), 0);
    expect(http_server_stop(second), 1);
}

void test_refusals() {
    expect(http_stop_server(0), 0);
    expect(http_stop_server(77), 0);
    expect(http_send_response(77, ([ ])), 0);
}

void test_a_server() {
    string url;

    first = http_start_server(0, "serve", ([ "interface": "127.0.0.1" ]));
    second = http_server_start(0, (: serve($1) :), ([ "interface": "127.0.0.1" ]));
    expect(first > 0 && second > first, 1);
    foreach (mixed *status in socket_status()) {
        if (status[1] != "LISTEN") continue;
        url = "http://" + implode(explode(status[3], ".")[0..3], ".") + ":" + explode(status[3], ".")[4];
        expect(http_send_request(url + "/json", ([ "json": ({ 1, 2 }) ]), "got") > 0, 1);
        expect(http_send_request(url + (sizeof(answers) ? "/x" : "/y"), ([ ]), (: got($1) :)) > 0, 1);
    }
}

void finished() {
    string *bodies = ({ });

    expect(sizeof(answers), 4);
    foreach (mapping answer in answers) {
        expect(member_array("id", keys(answer)) != -1, 1);
        bodies += ({ answer["status"] + " " + answer["body"] });
    }
    expect(sort_array(bodies, 1), ({ "200 GET", "200 GET", "201 {\"got\":[1,2]}", "201 {\"got\":[1,2]}" }));
}
