/*
 * A connection to one of several brokers that is made again whenever it is lost, and a queue of messages that
 * outlives it. Who inherits this defines
 *
 *     void link_up()                                         connected and subscribed
 *     void link_heard(string topic, mixed payload)
 *
 * A message is kept until the broker has confirmed it, and sent again on the next connection, so it may arrive
 * twice. Without any broker, what is published comes back to this object alone.
 */
#include <socket.h>

#define QUEUE           10000       /* messages that wait */
#define FIRST_PAUSE     0.2
#define LONGEST_PAUSE   5.0
#define PATIENCE        3.0         /* the pause from which on the log hears of it: a broker may be starting */
#define CONNECT_MS      5000
#define SESSION_SECONDS 3600        /* how long a broker keeps what we have not heard yet */
#define WINDOW          100
#define TAKEN_OVER      142         /* MQTT 5: another client has our name */
#define FAILURE         128         /* MQTT: codes from here on say no */
#define RESUBSCRIBE     1.0
#define STEADY          5           /* seconds: connections that end sooner, SUSPECT in a row, look like that too */
#define SUSPECT         3
#define BACK_OFF        30.0

void link_up();
void link_heard(string topic, mixed payload);

private nosave string *brokers = ({ });
private nosave mapping settings = ([ ]);
private nosave int broker;              // which is next
private nosave int fd = -1;
private nosave int is_up;
private nosave string version = "";
private nosave float pause = FIRST_PAUSE;
private nosave int up_since, short_lives; // of connections
private nosave int is_told;             // the log knows that there is no connection
private nosave mapping messages = ([ ]); // by number: ({ topic, text, done })
private nosave int first, unsent, last; // numbers: the oldest kept, the next to send, the next to give
private nosave mapping wanted = ([ ]);  // filters we are subscribed to, or want to be
private nosave string *coming_back = ({ });

private void connect();
private void push();

/* Whether a broker is connected (or none is needed). */
int query_up() {
    return is_up || !sizeof(brokers);
}

protected int has_broker() {
    return sizeof(brokers) != 0;
}

/* MQTT's version as the broker speaks it: "5" or "3.1.1"; "" while there is no broker. */
protected string query_version() {
    return version;
}

/* How many messages wait for a broker to confirm them. */
int query_waiting() {
    return sizeof(messages);
}

/* Begin: addresses of brokers, and options of the socket (MQTT_CLIENT_ID, the will, ...). */
protected void open_link(string *addresses, mapping options) {
    brokers = addresses;
    settings = options;
    if (sizeof(brokers)) {
        connect();
    }
}

/* End it, as one who says good-bye. */
protected void close_link() {
    if (fd >= 0) {
        socket_close(fd);
    }
    fd = -1;
    is_up = 0;
}

/* Call back; what goes wrong there is for the log, not for the bus. */
protected void run(function f, mixed arguments...) {
    object owner = function_owner(f);
    mixed failure = owner ? catch(evaluate(f, arguments...)) : 0;

    if (failure) {
        log_error("bus: a callback of " + (owner ? file_name(owner) : "a lost object") + " failed: " + trim("" + failure));
    }
}

/* The result of a message is known. */
private void settle(int number, int is_sent) {
    function done = messages[number][2];

    map_delete(messages, number);
    while (first < unsent && !messages[first]) {
        first++;
    }
    if (done) {
        run(done, is_sent);
    }
}

private void come_back() {
    string *now = coming_back;

    coming_back = ({ });
    for (int i = 0; i < sizeof(now); i += 2) {
        link_heard(now[i], now[i + 1]);
    }
    while (first < last) {
        unsent = last;
        settle(first, 1);
    }
}

/* Queue a message. 0: too many are waiting. */
protected varargs int publish(string topic, string text, function done) {
    if (sizeof(messages) >= QUEUE) {
        return 0;
    }
    messages[last++] = ({ topic, text, done });
    if (sizeof(brokers)) {
        push();
    } else {
        if (!sizeof(coming_back)) {
            call_out((: come_back :), 0);
        }
        coming_back += ({ topic, text });
    }
    return 1;
}

/* Publish something that brokers keep, now or never. "" makes them forget it. */
protected void publish_kept(string topic, string text, int qos) {
    if (is_up) {
        socket_write(fd, ([ "topic": topic, "payload": text, "retain": 1, "qos": qos ]));
    }
}

protected void subscribe(string filter) {
    wanted[filter] = 1;
    if (is_up) {
        socket_write(fd, ([ "subscribe": filter, "qos": 1 ]));
    }
}

protected void unsubscribe(string filter) {
    map_delete(wanted, filter);
    if (is_up) {
        socket_write(fd, ([ "unsubscribe": filter ]));
    }
}

/* Send as much as the broker takes. */
private void push() {
    while (is_up && unsent < last) {
        mixed *message = messages[unsent];
        int code;

        if (message) {
            code = socket_write(fd, ([ "topic": message[0], "payload": message[1], "qos": 1 ]));
            if (code == EEWOULDBLOCK || code == EEALREADY) {
                return;
            }
        }
        unsent++;
        if (message && code != EESUCCESS && code != EECALLBACK) {
            log_error("bus: a message to " + message[0] + " cannot be sent: " + socket_get_option(fd, SO_LAST_ERROR));
            settle(unsent - 1, 0);
        }
    }
}

/* The broker has confirmed the oldest message to a topic. */
private void confirmed(string topic, int code) {
    for (int number = first; number < unsent; number++) {
        if (messages[number] && messages[number][0] == topic) {
            settle(number, code < FAILURE);
            return;
        }
    }
}

private void subscribe_again(int from, string filter) {
    if (from == fd && wanted[filter]) {
        subscribe(filter);
    }
}

private void on_message(int from, mapping message, string address) {
    switch (message["event"]) {
        case 0:
            link_heard(message["topic"], message["payload"]);
            break;
        case "connected":
            version = message["version"];
            break;
        case "puback":
            confirmed(message["topic"], message["code"]);
            break;
        case "suback":
            for (int i = 0; i < sizeof(message["granted"]); i++) {
                if (message["granted"][i] >= FAILURE) { // a cluster that looks for a leader, say
                    call_out((: subscribe_again :), RESUBSCRIBE, from, message["filters"][i]);
                }
            }
            break;
    }
}

/* The broker accepts us, or has room again. */
private void on_room(int from) {
    if (!is_up) {
        is_up = 1;
        up_since = time();
        is_told = 0;
        pause = FIRST_PAUSE;
        unsent = first;
        foreach (string filter in keys(wanted)) {
            subscribe(filter);
        }
        link_up();
    }
    push();
}

/* An address as the log may show it: without the password. */
private string shown(string address) {
    return sizeof(explode(address, "@")) > 1 ? explode(address, "@")[<1] : address;
}

private void on_end(int from, string reason, int code) {
    string address = shown(brokers[broker]);
    float wait = pause;

    fd = -1;
    if (is_up) {
        is_up = 0;
        short_lives = time() - up_since < STEADY ? short_lives + 1 : 0;
    }
    if (code == TAKEN_OVER || short_lives == SUSPECT) {
        log_error("bus: another driver seems to connect to " + address + " by the name " + settings[MQTT_CLIENT_ID]
                  + "; give each a name of its own (name = \"...\" in pylpc.toml)");
        wait = BACK_OFF;
        short_lives = 0;
    } else if (!is_told && pause >= PATIENCE) {
        is_told = 1;
        log_error("bus: no connection to " + address + " (" + reason + "); trying again");
    }
    broker = (broker + 1) % sizeof(brokers);
    pause = min(({ pause * 2, LONGEST_PAUSE }));
    call_out((: connect :), wait);
}

private void connect() {
    fd = socket_create(MQTT_CLIENT, (: on_message :), (: on_end :));
    if (fd < 0) {
        log_error("bus: no MQTT socket: " + socket_error(fd));
        if (fd != EEMODENOTSUPP) {
            call_out((: connect :), LONGEST_PAUSE);
        }
        return;
    }
    foreach (int option, mixed value in settings) {
        socket_set_option(fd, option, value);
    }
    socket_set_option(fd, MQTT_EVENTS, 1);
    socket_set_option(fd, MQTT_CLEAN_SESSION, 0);
    socket_set_option(fd, MQTT_SESSION_EXPIRY, SESSION_SECONDS);
    socket_set_option(fd, MQTT_WINDOW, WINDOW);
    socket_set_option(fd, SO_TIMEOUT, CONNECT_MS);
    // Where it fails at once, on_end() follows all the same.
    socket_connect(fd, brokers[broker], (: on_message :), (: on_room :));
}
