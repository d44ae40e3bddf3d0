/*
 * The message bus between drivers: channels, presence, direct messages, questions and shared work over any MQTT
 * broker. Objects talk to it through BUS_API, which says what each function does.
 *
 * Topics, all below the root of BUS_CONFIG; names in them are escaped:
 *     ch/<channel>    what is said on a channel
 *     at/<node>       presence, kept by brokers: a beat of a living driver, or "gone" of one that was lost (its will)
 *     in/<node>       messages, questions and answers for one driver
 *     do/<service>    work for any one driver, through $share/<service>/...
 * A payload is a JSON mapping with "from", and "id" where it must not be taken twice.
 *
 * Presence: a driver beats three times in keep_alive seconds, and is gone when nobody has heard it for so long, when
 * its will says so, or when it comes back with another "boot". Beats are numbered, so that one which a broker kept
 * for too long brings nobody back. A driver that finds itself declared gone contradicts.
 *
 * Questions: repeated to whoever is present until they are answered or "taken" (an answer is on its way). An answer
 * is remembered for a while, so that a repeated question is not worked on twice.
 */
#include <bus.h>
#include <runtime_config.h>
#include <socket.h>

#define ROOT            "pylpc"
#define KEEP_ALIVE      15
#define SECONDS         30          /* until a question is given up */
#define RETRY           3.0         /* until it is repeated */
#define SEEN            5000        /* ids that are remembered */
#define MOST_NODES      10000
#define MOST_ASKED      10000

inherit BUS_LINK;

private nosave string root = ROOT;
private nosave string node, boot;
private nosave int keep_alive = KEEP_ALIVE;
private nosave string sharing = "auto";
private nosave int serial;              // of the last id
private nosave int beats;
private nosave float last_beat;
private nosave mapping channels = ([ ]); // name: functions
private nosave mapping services = ([ ]); // name: function
private nosave mapping nodes = ([ ]);    // name: ([ "boot", "services", "beat", "heard" ]); boot is 0 for one that is gone
private nosave function *watchers = ({ });
private nosave mapping asked = ([ ]);    // questions of ours, by id
private nosave mapping seen = ([ ]);     // by id: 0 in work, 1 nothing to answer, else the answer
private nosave string *remembered = allocate(SEEN);
private nosave int oldest;
private nosave mapping put_off = ([ ]);  // who asked, by the id of a question answered later
private nosave mapping escaped = ([ ]);
private nosave int is_ticking;

private void tick();
private void dispatch(string id);
private void presence_changed(string who, int is_present);

private float now() {
    return time_ns() / 1000000000.0;
}

/* ---------------------------------------------------------------------- names */

/* A name as a level of a topic: letters, digits, - and _ stand for themselves. */
private string level(string name) {
    string result = "";

    if (escaped[name]) {
        return escaped[name];
    }
    foreach (int c in name) {
        result += c < 128 && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
            ? sprintf("%c", c) : sprintf("%%%x_", c);
    }
    if (sizeof(escaped) > 1000) {
        escaped = ([ ]);
    }
    return escaped[name] = result;
}

private string topic(string kind, string name) {
    return root + "/" + kind + "/" + level(name);
}

private string share(string service) {
    return "$share/" + level(service) + "/" + topic("do", service);
}

private string next_id() {
    return boot + ":" + ++serial;
}

private int is_alive(function f) {
    return f && function_owner(f);
}

private void check_name(string name, string kind) {
    if (!stringp(name) || name == "") {
        error("Bad argument: a " + kind + " has a name.\n");
    }
}

/* The bus is for objects that inherit its face. */
private void check_caller(function callback) {
    if (!previous_object() || !inherits(BUS_API, previous_object())) {
        error("The bus is used through " + BUS_API + ": inherit it.\n");
    }
    if (callback && function_owner(callback) != previous_object()) {
        error("A callback of the bus is a function of the object itself.\n");
    }
}

/* ---------------------------------------------------------------------- presence */

private string own_presence() {
    return json_encode(([ "from": node, "boot": boot, "beat": ++beats, "services": keys(services) ]));
}

private void beat(int qos) {
    last_beat = now();
    publish_kept(topic("at", node), own_presence(), qos);
}

private int is_present(string who) {
    return who == node || nodes[who] && nodes[who]["boot"];
}

/* The present driver whose name comes first tidies up behind the lost ones. */
private int is_first() {
    foreach (string other, mapping state in nodes) {
        if (state["boot"] && strcmp(other, node) < 0) {
            return 0;
        }
    }
    return 1;
}

private void lose(string who) {
    mapping state = nodes[who];

    if (!state || !state["boot"]) {
        return;
    }
    state["boot"] = 0;
    state["services"] = ({ });
    state["heard"] = now();
    if (is_first()) {
        publish_kept(topic("at", who), "", 1);
    }
    presence_changed(who, 0);
}

private void heard_presence(string where, mapping message) {
    string who = message ? message["from"] : 0;
    mapping state;
    int was_present;

    if (!who) {
        if (where == topic("at", node)) {
            beat(1);
        }
        return;
    }
    if (!stringp(who) || !stringp(message["boot"])) {
        return;
    }
    if (who == node) {
        if (message["gone"]) {
            beat(1);
        }
        return;
    }
    state = nodes[who];
    if (message["gone"]) {
        if (state && state["boot"] == message["boot"]) {
            lose(who);
        } else if (!is_present(who) && is_first()) {
            publish_kept(where, "", 1);
        }
        return;
    }
    if (!state) {
        if (sizeof(nodes) >= MOST_NODES) {
            return;
        }
        state = nodes[who] = ([ "last": "", "beat": 0 ]);
    }
    if (state["last"] == message["boot"] && message["beat"] <= state["beat"]) {
        return; // a broker has kept it
    }
    was_present = state["boot"] == message["boot"];
    state["boot"] = state["last"] = message["boot"];
    state["beat"] = message["beat"];
    state["heard"] = now();
    state["services"] = pointerp(message["services"]) ? message["services"] : ({ });
    if (!was_present) {
        presence_changed(who, 1);
    }
}

/* Somebody has come or gone: questions to him are asked again, or work by somebody else. */
private void presence_changed(string who, int is_here) {
    foreach (string id, mapping question in copy(asked)) {
        if (!asked[id]) {
            continue;
        }
        if (question["taker"] == who || is_here && question["node"] == who) {
            question["taker"] = question["taken"] = 0;
            if (is_here || !question["node"]) {
                dispatch(id);
            }
        } else if (is_here && !question["node"] && !question["taker"]) {
            dispatch(id);
        }
    }
    watchers = filter(watchers, (: is_alive($1) :));
    foreach (function watcher in watchers) {
        run(watcher, who, is_here);
    }
}

/* ---------------------------------------------------------------------- the link */

/* Whether brokers deal out work. */
private int by_broker() {
    return has_broker() && (sharing == "broker" || sharing == "auto" && query_version() == "5");
}

void link_up() {
    foreach (string service in keys(services)) {
        if (by_broker()) {
            subscribe(share(service));
        } else {
            unsubscribe(share(service));
        }
    }
    beat(1);
}

private void start_ticking() {
    if (!is_ticking && (has_broker() || sizeof(asked))) {
        is_ticking = 1;
        call_out((: tick :), min(({ 1.0, keep_alive / 3.0 })));
    }
}

private void finish(string id, int is_ok, mixed result) {
    function done = asked[id]["done"];

    map_delete(asked, id);
    if (done) {
        run(done, is_ok, result);
    }
}

private void tick() {
    float moment = now();

    is_ticking = 0;
    if (query_up() && moment - last_beat >= keep_alive / 3.0) {
        beat(0);
    }
    foreach (string who, mapping state in copy(nodes)) {
        if (moment - state["heard"] >= keep_alive) {
            if (state["boot"]) {
                lose(who);
            } else if (moment - state["heard"] >= 10.0 * keep_alive) {
                map_delete(nodes, who);
            }
        }
    }
    foreach (string id, mapping question in copy(asked)) {
        if (!asked[id]) {
            continue;
        }
        if (question["taken"] && !is_present(question["taker"])) {
            question["taken"] = 0; // it said so before it was lost, and we heard it after
        }
        if (moment >= question["until"]) {
            finish(id, 0, question["taken"] ? "No answer from " + question["taker"] + " in time" : "No answer in time");
        } else if (!question["taken"] && moment - question["sent"] >= RETRY
                   && (!question["node"] || is_present(question["node"]))) {
            dispatch(id);
        }
    }
    start_ticking();
}

/* ---------------------------------------------------------------------- questions */

/* Who may do a piece of work, not counting the one that was tried last unless he is the only one. */
private string pick(string service, string tried) {
    string *able = filter(keys(nodes), (: is_present($1) && member_array($(service), nodes[$1]["services"]) >= 0 :));

    if (services[service]) {
        able += ({ node });
    }
    if (sizeof(able) > 1 && tried) {
        able -= ({ tried });
    }
    return sizeof(able) ? able[random(sizeof(able))] : 0;
}

private void dispatch(string id) {
    mapping question = asked[id];
    string where;

    question["sent"] = now();
    if (question["node"]) {
        where = topic("in", question["node"]);
    } else if (by_broker()) {
        where = topic("do", question["service"]);
    } else {
        question["taker"] = pick(question["service"], question["taker"]);
        if (!question["taker"]) {
            return; // somebody may come
        }
        where = topic("in", question["taker"]);
    }
    publish(where, json_encode(([ "from": node, "id": id, "to": question["service"], "data": question["data"],
                                  "asks": 1 ])));
}

/* Remember an id; what was remembered of it already, undefined if it is new. */
private mixed remember(string id) {
    mixed known = seen[id];

    if (undefinedp(known)) {
        if (remembered[oldest]) {
            map_delete(seen, remembered[oldest]);
            map_delete(put_off, remembered[oldest]);
        }
        remembered[oldest] = id;
        oldest = (oldest + 1) % SEEN;
        seen[id] = 0;
    }
    return known;
}

private void reply(string id, string to, mapping result) {
    string text = json_encode(([ "from": node, "re": id ]) + result);

    if (!result["taken"] && !undefinedp(seen[id])) {
        seen[id] = text;
    }
    publish(topic("in", to), text);
}

/* A message or question for a service of ours. */
private void heard_request(mapping message) {
    string id = message["id"], from = message["from"], name = message["to"];
    function serve;
    mixed result, failure, known;

    if (!stringp(id) || !stringp(from) || !stringp(name)) {
        return;
    }
    serve = services[name];
    if (undefinedp(seen[id]) && !is_alive(serve)) {
        if (message["asks"]) {
            reply(id, from, ([ "error": node + " does not offer " + name, "missing": 1 ]));
        }
        return;
    }
    known = remember(id);
    if (!undefinedp(known)) {
        if (stringp(known)) {
            publish(topic("in", from), known);
        } else if (put_off[id]) {
            reply(id, from, ([ "taken": 1 ]));
        }
        return;
    }
    failure = catch(result = evaluate(serve, message["data"], from, id));
    if (!message["asks"]) {
        map_delete(put_off, id);
        seen[id] = 1;
    } else if (failure) {
        map_delete(put_off, id);
        log_error("bus: " + name + " failed: " + trim("" + failure));
        reply(id, from, ([ "error": "" + failure ]));
    } else if (put_off[id]) {
        put_off[id] = from;
        reply(id, from, ([ "taken": 1 ]));
    } else {
        answer_with(id, from, result);
    }
}

/* Answer with a value, or with what is wrong with it. */
private void answer_with(string id, string from, mixed result) {
    mixed failure = catch(reply(id, from, ([ "data": result ])));

    if (failure) {
        reply(id, from, ([ "error": "" + failure ]));
    }
}

private void heard_answer(mapping message) {
    string id = message["re"];
    mapping question = stringp(id) ? asked[id] : 0;

    if (!question) {
        return;
    }
    if (message["taken"]) {
        question["taken"] = 1;
        question["taker"] = message["from"];
    } else if (message["missing"] && !question["node"]) {
        question["taken"] = 0; // it has just stopped to offer this: the next try finds somebody else
    } else if (message["error"]) {
        finish(id, 0, message["error"]);
    } else {
        finish(id, 1, message["data"]);
    }
}

/* ---------------------------------------------------------------------- what arrives */

private void heard_channel(mapping message) {
    string channel = message["to"];

    if (!stringp(channel) || !channels[channel] || stringp(message["id"]) && !undefinedp(remember(message["id"]))) {
        return;
    }
    channels[channel] = filter(channels[channel], (: is_alive($1) :));
    foreach (function heard in channels[channel]) {
        run(heard, channel, message["data"], message["from"]);
    }
}

void link_heard(string where, mixed payload) {
    mixed message;
    string kind;

    if (strsrch(where, root + "/") != 0 || (sizeof(payload) && catch(message = json_decode(payload)))
        || message && !mapp(message)) {
        return; // not of our kind
    }
    kind = where[sizeof(root) + 1 .. sizeof(root) + 3];
    if (kind == "at/") {
        heard_presence(where, message);
    } else if (message && kind == "ch/") {
        heard_channel(message);
    } else if (message && message["re"]) {
        heard_answer(message);
    } else if (message) {
        heard_request(message);
    }
}

/* ---------------------------------------------------------------------- what BUS_API calls */

string query_node() {
    return node;
}

mapping query_nodes() {
    mapping result = ([ node: ([ "boot": boot, "services": keys(services) ]) ]);

    foreach (string who, mapping state in nodes) {
        if (state["boot"]) {
            result[who] = ([ "boot": state["boot"], "services": copy(state["services"]) ]);
        }
    }
    return result;
}

void watch(function changed) {
    check_caller(changed);
    watchers += ({ changed });
}

void join(string channel, function heard) {
    check_caller(heard);
    check_name(channel, "channel");
    if (!channels[channel]) {
        channels[channel] = ({ });
        subscribe(topic("ch", channel));
    }
    channels[channel] += ({ heard });
}

void leave(string channel) {
    object who = previous_object();

    check_caller(0);
    if (!channels[channel]) {
        return;
    }
    channels[channel] = filter(channels[channel], (: is_alive($1) && function_owner($1) != $(who) :));
    if (!sizeof(channels[channel])) {
        map_delete(channels, channel);
        unsubscribe(topic("ch", channel));
    }
}

int say(string channel, mixed data, function done) {
    check_caller(done);
    check_name(channel, "channel");
    return publish(topic("ch", channel), json_encode(([ "from": node, "id": next_id(), "to": channel, "data": data ])),
                   done);
}

void offer(string service, function serve) {
    check_caller(serve);
    check_name(service, "service");
    if (!services[service] && by_broker()) {
        subscribe(share(service));
    }
    services[service] = serve;
    beat(1);
}

void withdraw(string service) {
    check_caller(0);
    if (services[service]) {
        map_delete(services, service);
        unsubscribe(share(service));
        beat(1);
    }
}

int send(string to, string service, mixed data, function done) {
    check_caller(done);
    check_name(to, "node");
    check_name(service, "service");
    return publish(topic("in", to), json_encode(([ "from": node, "id": next_id(), "to": service, "data": data ])), done);
}

int ask(string to, string service, mixed data, function done, int seconds) {
    string id = next_id();

    check_caller(done);
    check_name(service, "service");
    if (stringp(to)) {
        check_name(to, "node");
    }
    json_encode(data); // an error now, not at the next repetition
    if (sizeof(asked) >= MOST_ASKED) {
        return 0;
    }
    asked[id] = ([ "node": to, "service": service, "data": data, "done": done,
                   "until": now() + (seconds > 0 ? seconds : SECONDS) ]);
    dispatch(id);
    start_ticking();
    return 1;
}

void later(string ticket) {
    check_caller(0);
    if (undefinedp(seen[ticket])) {
        error("There is no question " + ticket + ".\n");
    }
    put_off[ticket] = 1;
}

void answer(string ticket, mixed result) {
    string from = put_off[ticket];

    check_caller(0);
    if (stringp(from)) {
        map_delete(put_off, ticket);
        answer_with(ticket, from, result);
    }
}

/* ---------------------------------------------------------------------- the beginning and the end */

/* The name of this driver: that of its mudlib or server, and its number among several workers. */
private string own_name() {
    if (get_config(__WORKERS__) > 1) {
        return MUD_NAME + "-" + get_config(__WORKER__);
    }
    return MUD_NAME == "pylpc" ? sprintf("pylpc-%06x", secure_random(0x1000000)) : MUD_NAME;
}

void create() {
    mapping settings = read_config(BUS_CONFIG);
    string *brokers = filter(explode(get_config(__BUS__), " "), (: $1 != "" :));

    root = settings["root"] || ROOT;
    sharing = settings["sharing"] || "auto";
    keep_alive = max(({ 1, to_int(settings["keep_alive"] || "" + KEEP_ALIVE) }));
    node = own_name();
    boot = sprintf("%x-%08x", time(), secure_random(0x100000000));
    set_notify_destruct(1);
    open_link(brokers, ([
        MQTT_CLIENT_ID: "bus-" + level(node),
        MQTT_KEEP_ALIVE: keep_alive,
        MQTT_WILL_TOPIC: topic("at", node),
        MQTT_WILL_MESSAGE: ([ "payload": json_encode(([ "from": node, "boot": boot, "gone": 1 ])), "retain": 1, "qos": 1 ])
    ]));
    subscribe(root + "/at/+");
    subscribe(topic("in", node));
    start_ticking();
}

void on_destruct() {
    publish_kept(topic("at", node), json_encode(([ "from": node, "boot": boot, "gone": 1 ])), 1);
    close_link();
}
