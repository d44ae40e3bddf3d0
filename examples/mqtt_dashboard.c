/*
 * Sensors on a web page: what arrives by MQTT under sensors/# is shown at once, by server-sent events.
 *
 *     pylpc examples/mqtt_dashboard.c 8080 mqtt://127.0.0.1
 *     mosquitto_pub -t sensors/kitchen/temperature -m 21.5
 *
 * Without a broker's address it is one itself, on a port it tells.
 */

#include <socket.h>

string page() {
    return @HTML
<!doctype html>
<meta charset="utf-8">
<title>Sensors</title>
<style>
  body { font: 1.1rem system-ui, sans-serif; margin: 2rem }
  td { padding: .3rem 1rem; border-bottom: 1px solid #ccc }
  td + td { text-align: right; font-variant-numeric: tabular-nums }
</style>
<h1>Sensors</h1>
<table id="values"></table>
<script>
  const table = document.getElementById("values"), cells = {};
  new EventSource("/events").onmessage = event => {
    const { sensor, value } = JSON.parse(event.data);
    if (!cells[sensor]) {
      const row = table.insertRow();
      row.insertCell().textContent = sensor;
      cells[sensor] = row.insertCell();
    }
    cells[sensor].textContent = value;
  };
</script>
HTML;
}

#define MOST_SENSORS 1000

mapping values = ([]);
mapping watchers = ([]);

string event(string sensor) {
    return "data: " + json_encode((["sensor": sensor, "value": values[sensor]])) + "\n\n";
}

void measured(int fd, mapping message, string address) {
    string sensor = message["topic"][sizeof("sensors/")..];

    if (undefinedp(values[sensor]) && sizeof(values) >= MOST_SENSORS) return;
    values[sensor] = bufferp(message["payload"]) ? "(no text)" : message["payload"];
    foreach (int watcher in keys(watchers)) {
        socket_write(watcher, event(sensor));   // who is too slow misses one
    }
}

void answer(int connection, mapping request, string address) {
    switch (request["path"]) {
        case "/":
            socket_write(connection, (["headers": (["content-type": "text/html"]), "body": page()]));
            break;
        case "/events":
            socket_write(connection, (["headers": (["content-type": "text/event-stream", "cache-control": "no-store"]),
                                       "chunked": 1, "body": implode(map(keys(values), (: event :)), "") + ":\n\n"]));
            watchers[connection] = 1;
            break;
        default:
            socket_write(connection, (["status": 404]));
    }
}

void gone(int connection, string reason, int code) { map_delete(watchers, connection); }

void connected(int fd) { socket_write(fd, (["subscribe": "sensors/#"])); }

void lost(int fd, string reason, int code) {
    write("MQTT: " + reason + "\n");
    shutdown(1);
}

int be_a_broker() {
    int broker = socket_create(MQTT_BROKER, "measured", "lost");

    socket_bind(broker, 0, "127.0.0.1 0");
    if (socket_listen(broker) != EESUCCESS) return 0;
    socket_write(broker, (["subscribe": "sensors/#"]));
    write("mqtt://" + replace_string(socket_address(broker, 1), " ", ":") + "\n");
    return 1;
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "answer", "gone");

    socket_bind(server, 0, "127.0.0.1 " + (sizeof(argv) > 1 ? argv[1] : "8080"));
    if (socket_listen(server) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(server, SO_LAST_ERROR) + "\n");
        return 1;
    }
    if (sizeof(argv) > 2) {
        int client = socket_create(MQTT_CLIENT, "measured", "lost");

        socket_set_option(client, MQTT_RECONNECT, 10000);
        if (socket_connect(client, argv[2], "measured", "connected") != EESUCCESS) {
            write(socket_get_option(client, SO_LAST_ERROR) + "\n");
            return 1;
        }
    } else if (!be_a_broker()) {
        return 1;
    }
    write("http://" + replace_string(socket_address(server, 1), " ", ":") + "/\n");
    return 0;
}
