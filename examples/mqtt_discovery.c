/*
 * A MUD as a device of Home Assistant: it announces itself by MQTT discovery, tells how many players are
 * there, and has a switch.
 *
 *     pylpc examples/mqtt_discovery.c mqtt://127.0.0.1
 *     mosquitto_sub -v -t 'homeassistant/#' -t 'mud/#'
 *     mosquitto_pub -t mud/avalon/open/set -m OFF
 *
 * The announcements are retained, so they wait for a Home Assistant that starts later; when it says that it
 * has started ("online" to homeassistant/status) they are made again.
 */

#include <socket.h>

#define PREFIX "homeassistant/"
#define BASE "mud/avalon/"

mapping device = (["identifiers": ({ "mud_avalon" }), "name": "Avalon", "manufacturer": "pylpc"]);
mapping *waiting = ({ });
int link, players, open = 1;

// What does not fit now goes when the write callback says that there is room.
void send(string topic, mixed payload, int retain) {
    waiting += ({ (["topic": topic, "payload": stringp(payload) ? payload : json_encode(payload), "retain": retain,
                    "qos": 1]) });
    while (sizeof(waiting)) {
        int code = socket_write(link, waiting[0]);

        if (code == EEALREADY || code == EEWOULDBLOCK) return;
        waiting = waiting[1..];
    }
}

void announce(string kind, string id, mapping more) {
    send(PREFIX + kind + "/mud_avalon/" + id + "/config",
         ([ "unique_id": "mud_avalon_" + id, "device": device, "availability_topic": BASE + "status" ]) + more, 1);
}

void tell() {
    send(BASE + "players", "" + players, 1);
    send(BASE + "open", open ? "ON" : "OFF", 1);
}

void introduce() {
    announce("sensor", "players", (["name": "Players", "state_topic": BASE + "players", "unit_of_measurement": "players",
                                    "state_class": "measurement", "icon": "mdi:account-group"]));
    announce("switch", "open", (["name": "Open to players", "state_topic": BASE + "open",
                                 "command_topic": BASE + "open/set"]));
    send(BASE + "status", "online", 1);
    tell();
}

void heard(int fd, mapping message, string address) {
    if (message["event"]) {
        if (message["event"] == "connected") {
            socket_write(fd, (["subscribe": ({ PREFIX + "status", BASE + "open/set" }), "qos": 1]));
            call_out("introduce", 0);
        }
        return;
    }
    switch (message["topic"]) {
        case PREFIX + "status":
            if (message["payload"] == "online") introduce();
            break;
        case BASE + "open/set":
            open = message["payload"] == "ON";
            write(open ? "open\n" : "closed\n");
            tell();
            break;
    }
}

void room(int fd) {
    if (sizeof(waiting)) {
        mapping last = waiting[<1];

        waiting = waiting[0..<2];
        send(last["topic"], last["payload"], last["retain"]);
    }
}

void lost(int fd, string reason, int code) {
    write("MQTT: " + reason + "\n");
    shutdown(1);
}

int main(string *argv) {
    link = socket_create(MQTT_CLIENT, "heard", "lost");
    socket_set_option(link, MQTT_EVENTS, 1);
    socket_set_option(link, MQTT_RECONNECT, 10000);
    socket_set_option(link, MQTT_WILL_TOPIC, BASE + "status");
    socket_set_option(link, MQTT_WILL_MESSAGE, (["payload": "offline", "retain": 1, "qos": 1]));
    if (socket_connect(link, sizeof(argv) > 1 ? argv[1] : "mqtt://127.0.0.1", "heard", "room") != EESUCCESS) {
        write(socket_get_option(link, SO_LAST_ERROR) + "\n");
        return 1;
    }
    return 0;
}
