/*
 * A thermometer that speaks CoAP, and somebody who reads it.
 *
 *     pylpc examples/coap_sensor.c 5683                                        the thermometer
 *     pylpc examples/coap_sensor.c watch coap://127.0.0.1:5683/temperature     tells of every change
 *     coap-client-notls -m put -e 25.5 coap://127.0.0.1:5683/temperature       another way to change it
 *     coap-client-notls coap://127.0.0.1:5683/.well-known/core
 *
 * The thermometer ends at Ctrl-C, the reader with the thermometer.
 */

#include <socket.h>

#define RESOURCES "</temperature>;rt=\"temperature-c\";if=\"sensor\";obs;ct=0"

int sensor;
float temperature = 21.5;

/* ---------------------------------------------------------------------------------- the thermometer */

mapping reading() {
    return (["path": "/temperature", "payload": sprintf("%.1f", temperature), "content_format": "text/plain",
             "max_age": 60, "observe": 1]);
}

mapping changed(string text) {
    float value;

    if (sscanf(text, "%f", value) != 1 || value < -100.0 || value > 1000.0)
        return (["code": "4.00", "payload": "a temperature in degrees Celsius is wanted"]);
    temperature = value;
    socket_write(sensor, reading());  // without an address: to everybody who observes the path
    return (["code": "2.04"]);
}

mapping asked(int fd, mapping request, string address) {
    if (request["error"]) {
        write(address + " is gone: " + request["error"] + "\n");
        return 0;
    }
    write(address + " " + request["method"] + " " + request["path"] + "\n");
    switch (request["path"]) {
    case "/temperature":
        if (request["method"] == "GET") return reading();
        if (request["method"] == "PUT") return changed(request["payload"]);
        return (["code": "4.05"]);
    case "/.well-known/core":
        return (["payload": RESOURCES, "content_format": "application/link-format"]);
    }
    return (["code": "4.04"]);
}

int serve(string port) {
    sensor = socket_create(COAP_SERVER, "asked");
    if (socket_bind(sensor, 0, "127.0.0.1 " + port) != EESUCCESS) {
        write("Cannot serve: " + socket_get_option(sensor, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("coap://" + replace_string(socket_address(sensor, 1), " ", ":") + "/temperature\n");
    return 0;
}

/* -------------------------------------------------------------------------------------- the reader */

void told(int fd, mapping response, string address) {
    if (response["error"]) write("No news: " + response["error"] + "\n");
    else if (!response["ok"]) write("No news: " + response["code"] + " " + response["payload"] + "\n");
    else write(response["payload"] + " degrees\n");
}

int watch(string url) {
    int reader = socket_create(COAP_CLIENT, "told");

    if (socket_write(reader, (["observe": 1]), url) < 0) {
        write("Cannot ask: " + socket_get_option(reader, SO_LAST_ERROR) + "\n");
        return 1;
    }
    return 0;
}

int main(string *argv) {
    if (sizeof(argv) == 3 && argv[1] == "watch") return watch(argv[2]);
    return serve(sizeof(argv) > 1 ? argv[1] : "5683");
}
