/*
 * Chat between MUDs: each serves its own players, and all share the channel by a broker.
 *
 *     pylpc examples/mqtt_chat.c Avalon mqtt://127.0.0.1 4000
 *     pylpc examples/mqtt_chat.c Utopia mqtt://127.0.0.1 4001
 *     telnet 127.0.0.1 4000
 *
 * chat/gossip carries what is said, at QoS 1, with the speaker and the MUD as user properties.
 * chat/muds/NAME is retained: "up", or, by will, "down".
 */

#include <socket.h>

#define CHANNEL "chat/gossip"
#define MUDS "chat/muds/"
#define LONGEST 400

string mud;
int link;
mapping players = ([]);    // connection: name, or "" before it is given
mapping typed = ([]);      // connection: an unfinished line

string clean(mixed text) {
    return stringp(text) ? replace_string(text[0..LONGEST - 1], "\n", " ") : "?";
}

void tell_all(string text) {
    foreach (int player, string name in players) {
        if (name != "") socket_write(player, text + "\n");
    }
}

// ------------------------------------------------------------------------------------------ other MUDs

void message(int fd, mapping heard, string address) {
    mapping who = heard["user_properties"];

    if (heard["topic"] == CHANNEL) {
        if (mapp(who)) tell_all(clean(who["name"]) + "@" + clean(who["mud"]) + ": " + clean(heard["payload"]));
        return;
    }
    tell_all(clean(heard["topic"][sizeof(MUDS)..]) + " is " + clean(heard["payload"]) + ".");
}

void ready(int fd) {
    // Also called when there is room again: subscribing and saying "up" twice does no harm.
    socket_write(fd, (["subscribe": ({ CHANNEL, MUDS + "+" }), "qos": 1]));
    socket_write(fd, (["topic": MUDS + mud, "payload": "up", "retain": 1, "qos": 1]));
}

void lost(int fd, string reason, int code) {
    write("MQTT: " + reason + "\n");
    shutdown(1);
}

int join(string broker) {
    link = socket_create(MQTT_CLIENT, "message", "lost");
    socket_set_option(link, SO_PROTOCOL_VERSION, "5");      // for the user properties
    socket_set_option(link, MQTT_RECONNECT, 10000);
    socket_set_option(link, MQTT_WILL_TOPIC, MUDS + mud);
    socket_set_option(link, MQTT_WILL_MESSAGE, (["payload": "down", "retain": 1, "qos": 1]));
    return socket_connect(link, broker, "message", "ready") == EESUCCESS;
}

// -------------------------------------------------------------------------------------------- players

void said(int player, string line) {
    if (players[player] == "") {
        players[player] = line == "" ? "Somebody" : clean(line);
        socket_write(player, "Welcome, " + players[player] + ".\n");
        return;
    }
    if (line == "") return;
    if (socket_write(link, (["topic": CHANNEL, "payload": line, "qos": 1,
                             "user_properties": (["name": players[player], "mud": mud])])) < 0) {
        socket_write(player, "Nobody hears you just now.\n");
    }
}

void read_player(int player, string data) {
    string *lines = explode(replace_string(typed[player] + data, "\r", "") + " ", "\n");

    typed[player] = lines[<1][0..LONGEST][0..<2];
    foreach (string line in lines[0..<2]) {
        if (!undefinedp(players[player])) said(player, line[0..LONGEST - 1]);
    }
}

void player_left(int player) {
    map_delete(players, player);
    map_delete(typed, player);
}

void caller(int fd) {
    int player = socket_accept(fd, "read_player", "drained");

    if (player < 0) return;
    players[player] = typed[player] = "";
    socket_write(player, "Your name? ");
}

void drained(int player) {}

int main(string *argv) {
    int port = socket_create(STREAM, "read_player", "player_left");

    if (sizeof(argv) < 3) {
        write("usage: mqtt_chat.c MUD BROKER [PORT]\n");
        return 2;
    }
    mud = argv[1];
    socket_bind(port, 0, "127.0.0.1 " + (sizeof(argv) > 3 ? argv[3] : "4000"));
    if (socket_listen(port, "caller") != EESUCCESS || !join(argv[2])) {
        write("Cannot listen or connect.\n");
        return 1;
    }
    write(mud + " " + socket_address(port, 1) + "\n");
    return 0;
}
