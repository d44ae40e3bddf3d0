/*
 * The face of the message bus: inherit it, and talk to other drivers.
 *
 * Channels, direct messages and services have names of any kind; data is whatever JSON can carry: numbers,
 * strings, arrays, and mappings with strings as keys. Callbacks are functions of the object itself, as
 * (: heard :). What is refused at once (no names, data with objects in it) is a run-time error.
 */
#include <bus.h>

/* The name of this driver on the bus. */
protected string bus_node() {
    return BUS_D->query_node();
}

/* Whether a broker is connected. Messages are kept until one is. */
protected int bus_is_up() {
    return BUS_D->query_up();
}

/* Who is present: ([ node: ([ "services": names, "boot": of this life of it ]) ]), this driver included. */
protected mapping bus_nodes() {
    return BUS_D->query_nodes();
}

/* Hear who comes and goes: changed(string node, int is_present). */
protected void bus_watch(function changed) {
    BUS_D->watch(changed);
}

/* Hear a channel: heard(string channel, mixed data, string from). What this driver says itself is heard, too. */
protected void bus_join(string channel, function heard) {
    BUS_D->join(channel, heard);
}

/* Hear it no longer. */
protected void bus_leave(string channel) {
    BUS_D->leave(channel);
}

/*
 * Say something on a channel. 1: it will be said; 0: too much is waiting. done(int ok) is called once the broker
 * has it: from then on it is the broker's to deliver.
 */
protected varargs int bus_say(string channel, mixed data, function done) {
    return BUS_D->say(channel, data, done);
}

/*
 * Offer a service: what serve(mixed data, string from, string ticket) returns is the answer. It may also call
 * bus_later(ticket) and bus_answer() when it knows. An error in it is the asker's answer.
 */
protected void bus_offer(string service, function serve) {
    BUS_D->offer(service, serve);
}

/* Offer it no longer. */
protected void bus_withdraw(string service) {
    BUS_D->withdraw(service);
}

/* The answer to this question will come later, by bus_answer(). */
protected void bus_later(string ticket) {
    BUS_D->later(ticket);
}

/* Answer a question put off by bus_later(). */
protected void bus_answer(string ticket, mixed result) {
    BUS_D->answer(ticket, result);
}

/* Send a direct message to a service of a node, without an answer. Results as for bus_say(). */
protected varargs int bus_send(string node, string service, mixed data, function done) {
    return BUS_D->send(node, service, data, done);
}

/*
 * Ask a service of a node: done(int ok, mixed result), where `result` is the reason if it is not ok. The question
 * is repeated until it is answered, or `seconds` (30 unless given) have passed; the node sees it once. 1: it will be
 * asked; 0: too many questions are open.
 */
protected varargs int bus_ask(string node, string service, mixed data, function done, int seconds) {
    return BUS_D->ask(node, service, data, done, seconds);
}

/*
 * Have work done by any node that offers the service; done() as for bus_ask(). If the node that has taken it is
 * lost, another one gets it: work is done at least once.
 */
protected varargs int bus_work(string service, mixed data, function done, int seconds) {
    return BUS_D->ask(0, service, data, done, seconds);
}
