/*
 * A chat in the browser: an HTTP server for the page and a WebSocket server for the talk, at one port.
 *
 *     pylpc examples/websocket_chat.c 8080
 *
 * What the object that has an HTTP server binds to the same port is its guest: requests that ask for WebSocket
 * go there, all others to page(). The first message of a visitor is a name, each further one is said to all.
 * Visitors hear JSON: ([ "kind": "say", "who": ..., "text": ... ]). Ends at Ctrl-C.
 */

#include <socket.h>

#define LONGEST 500

mapping visitors = ([]);

void tell_all(mapping news) {
    // The frame is made once; whoever is behind misses some, and holds up nobody.
    websocket_broadcast(keys(visitors), json_encode(news));
}

void tell_who() {
    tell_all((["kind": "who", "names": sort_array(values(visitors), 1)]));
}

void refuse(int connection, string reason) {
    socket_write(connection, (["type": "close", "code": 4000, "reason": reason]));
}

void enter(int connection, string name) {
    if (name == "" || strlen(name) > 20 || member_array(name, values(visitors)) != -1) {
        refuse(connection, "Please take another name.");
        return;
    }
    visitors[connection] = name;
    tell_all((["kind": "enter", "who": name]));
    tell_who();
}

void heard(int connection, mixed text, mapping info) {
    if (!stringp(text)) {
        refuse(connection, "Only text, please.");
        return;
    }
    text = trim(text[0..LONGEST - 1]);
    if (!visitors[connection]) {
        enter(connection, text);
    } else if (text != "") {
        tell_all((["kind": "say", "who": visitors[connection], "text": text]));
    }
}

void left(int connection, string reason, int code) {
    string name = visitors[connection];

    map_delete(visitors, connection);
    if (name) {
        tell_all((["kind": "leave", "who": name]));
        tell_who();
    }
}

string page();

void request(int connection, mapping request, string address) {
    if (request["path"] != "/") {
        socket_write(connection, (["status": 404]));
        return;
    }
    socket_write(connection, (["headers": (["content-type": "text/html; charset=utf-8"]), "body": page()]));
}

int serve(string port) {
    int http = socket_create(HTTP_SERVER, "request");
    int chat = socket_create(WEBSOCKET_SERVER, "heard", "left");
    string address;

    socket_bind(http, 0, "127.0.0.1 " + port);
    if (socket_listen(http) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(http, SO_LAST_ERROR) + "\n");
        return 1;
    }
    address = socket_address(http, 1);
    socket_set_option(chat, WS_MAX_MESSAGE_SIZE, 4 * LONGEST);
    // Only our own page may talk here: a browser tells which page a script is of.
    socket_set_option(chat, WS_ORIGIN, ({ "http://" + replace_string(address, " ", ":"), "" }));
    socket_bind(chat, 0, address);
    if (socket_listen(chat) != EESUCCESS) {
        write("Cannot listen: " + socket_get_option(chat, SO_LAST_ERROR) + "\n");
        return 1;
    }
    write("http://" + replace_string(address, " ", ":") + "/\n");
    return 0;
}

int main(string *argv) {
    return serve(sizeof(argv) > 1 ? argv[1] : "8080");
}

string page() {
    return @PAGE
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<style>
    body { font: 16px/1.5 system-ui, sans-serif; margin: 0; height: 100vh; display: grid;
           grid: "head head" auto "log who" 1fr "say say" auto / 1fr 12em; background: #f4f2ee; color: #222; }
    header { grid-area: head; background: #2d4a3e; color: #fff; padding: .6em 1em; font-weight: 600; }
    #log { grid-area: log; overflow-y: auto; padding: 1em; }
    #log p { margin: 0 0 .4em; overflow-wrap: anywhere; }
    #log b { color: #2d4a3e; }
    #log .news { color: #777; font-style: italic; }
    aside { grid-area: who; border-left: 1px solid #d8d4cc; padding: 1em; overflow-y: auto; }
    aside h2 { font-size: 1em; margin: 0; }
    aside ul { list-style: none; padding: 0; }
    form { grid-area: say; display: flex; gap: .5em; padding: .8em 1em; border-top: 1px solid #d8d4cc; }
    input { flex: 1; font: inherit; padding: .4em .6em; border: 1px solid #bbb; border-radius: 4px; }
    button { font: inherit; padding: .4em 1.2em; border: 0; border-radius: 4px; background: #2d4a3e; color: #fff; }
</style>
<header id="state">Not connected</header>
<main id="log"></main>
<aside><h2>Here</h2><ul id="who"></ul></aside>
<form><input id="text" autocomplete="off" autofocus placeholder="Your name" maxlength="500"><button>Send</button></form>
<script>
    const element = id => document.getElementById(id);
    const input = element("text");
    let socket = null;

    function line(text, who) {
        const made = document.createElement("p");
        if (who) {
            const name = document.createElement("b");
            name.textContent = who + ": ";
            made.append(name);
        } else {
            made.className = "news";
        }
        made.append(text);
        element("log").append(made);
        made.scrollIntoView();
    }

    function show(names) {
        element("who").replaceChildren(...names.map(name => {
            const made = document.createElement("li");
            made.textContent = name;
            return made;
        }));
    }

    function enter(name) {
        socket = new WebSocket(location.origin.replace("http", "ws") + "/chat");
        socket.onopen = () => {
            socket.send(name);
            element("state").textContent = "Connected as " + name;
            input.placeholder = "Say something";
        };
        socket.onmessage = event => {
            const news = JSON.parse(event.data);
            switch (news.kind) {
                case "say": line(news.text, news.who); break;
                case "enter": line(news.who + " comes in."); break;
                case "leave": line(news.who + " leaves."); break;
                case "who": show(news.names); break;
            }
        };
        socket.onclose = event => {
            line(event.reason || "The connection is closed.");
            element("state").textContent = "Not connected";
            input.placeholder = "Your name";
            socket = null;
            show([]);
        };
    }

    document.forms[0].onsubmit = event => {
        event.preventDefault();
        const text = input.value.trim();
        input.value = "";
        if (text && socket === null) enter(text);
        else if (text) socket.send(text);
    };
</script>
PAGE;
}
