/*
 * Listens to a ticker: a server that sends a JSON object for each price.
 *
 *     pylpc examples/websocket_ticker.c ws://127.0.0.1:8765/prices ACME OTHER
 *
 * Subscribes to the symbols it is given and prints what they cost. A lost connection is made again, each time
 * after a longer pause; a server that closes with 1000 has nothing more to say, and the program ends.
 */

#include <socket.h>

#define LONGEST_PAUSE 60

string url;
string *symbols;
mapping last = ([]);
int pause = 1;

void dial();

void heard(int fd, mixed text, mapping info) {
    mixed news;
    mixed error = catch(news = json_decode(text));
    string symbol;
    float price;

    if (error || !mapp(news) || !stringp(symbol = news["symbol"]) || undefinedp(news["price"])) {
        write("What is this? " + text + "\n");
        return;
    }
    price = to_float(news["price"]);
    if (undefinedp(last[symbol])) {
        write(sprintf("%s %.2f\n", symbol, price));
    } else {
        write(sprintf("%s %.2f (%+.2f)\n", symbol, price, price - last[symbol]));
    }
    last[symbol] = price;
}

void ready(int fd) {
    pause = 1;
    write("Connected.\n");
    socket_write(fd, json_encode((["subscribe": symbols])));
}

void lost(int fd, string reason, int code) {
    write(sprintf("%s (%d)\n", reason, code));
    if (code == 1000) shutdown(0);
    call_out("dial", pause);
    pause = min(({ 2 * pause, LONGEST_PAUSE }));
}

void dial() {
    int secure = url[0..5] == "wss://";
    int fd = socket_create(secure ? WEBSOCKET_SECURE_CLIENT : WEBSOCKET_CLIENT, "heard", "lost");

    socket_set_option(fd, WS_COMPRESSION, 1);
    if (socket_connect(fd, url, "heard", "ready") != EESUCCESS) {
        write("Cannot connect: " + socket_get_option(fd, SO_LAST_ERROR) + "\n");
        shutdown(1);
    }
}

int main(string *argv) {
    if (sizeof(argv) < 3) {
        write("Say where, and what.\n");
        return 1;
    }
    url = argv[1];
    symbols = argv[2..];
    dial();
    return 0;
}
