/*
 * Read news: the latest entries of some feeds, RSS 2.0 or Atom, whichever answers first.
 *
 *     pylpc --allow-net examples/rss_reader.c https://lwn.net/headlines/rss https://blog.python.org/feeds/posts/default
 *
 * Each feed is a request of its own; when the last one has been answered, the program ends.
 */

#include <socket.h>

#define NEWEST 5

mapping urls = ([ ]);  // by descriptor

// The text of the first element of a name, or "": its markup is left as it is.
string content(string text, string name) {
    int begin = strsrch(text, "<" + name + ">"), other = strsrch(text, "<" + name + " "), end;

    if (begin == -1 || (other != -1 && other < begin)) begin = other;  // it has attributes
    if (begin == -1) return "";
    text = text[begin..];
    begin = strsrch(text, ">");
    end = strsrch(text, "</" + name + ">");
    return end > begin ? trim(text[begin + 1..end - 1]) : "";
}

// What a reader sees of an element: sections of CDATA are text, entities are characters.
string readable(string text) {
    int begin = strsrch(text, "<![CDATA["), end = strsrch(text, "]]>");

    if (begin != -1 && end > begin)
        return readable(text[0..begin - 1]) + text[begin + 9..end - 1] + readable(text[end + 3..]);
    foreach (string entity, string character in ([ "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&apos;": "'", "&#39;": "'",
                                                    "&#8217;": "’", "&#x2014;": "—" ]))
        text = replace_string(text, entity, character);
    return replace_string(text, "&amp;", "&");  // last, or "&amp;lt;" would become "<"
}

// Where an entry leads: RSS has an element of text, Atom one with an attribute.
string link(string entry) {
    string found = readable(content(entry, "link"));

    if (found == "" && sscanf(entry, "%*s<link%*shref=\"%s\"", found) == 3) return readable(found);
    return found;
}

void show(string feed) {
    string element = strsrch(feed, "<entry>") == -1 ? "item" : "entry";
    string *entries = explode(feed, "<" + element);
    int count = 0;

    write("== " + readable(content(feed, "title")) + "\n");
    foreach (string entry in entries[1..]) {
        string title = content(entry, "title"), when = content(entry, "pubDate");

        if (entry[0] != '>' && entry[0] != ' ') continue;  // <items>, say
        if (++count > NEWEST) break;
        if (title == "") title = content(entry, "description");
        if (when == "") when = content(entry, "updated");
        write("\n" + readable(title) + "\n");
        if (when != "") write("    " + when + "\n");
        write("    " + link(entry) + "\n");
    }
    write("\n");
}

void got_feed(int fd, mapping answer, string address) {
    string kind = answer["headers"]["content-type"] || "";

    if (answer["status"] != 200)
        write("== " + urls[fd] + ": " + answer["status"] + " " + answer["reason"] + "\n\n");
    else if (!stringp(answer["body"]) || strsrch(kind, "xml") == -1)
        write("== " + urls[fd] + " is no feed but " + kind + "\n\n");
    else
        show(answer["body"]);
    socket_close(fd);
}

void ready(int fd) {
    socket_write(fd, ([ "headers": ([ "Accept": "application/rss+xml, application/atom+xml, text/xml" ]) ]));
}

void no_feed(int fd, string reason, int code) {
    write("== " + urls[fd] + ": " + reason + "\n\n");
}

void fetch(string url) {
    int fd = socket_create(url[0..5] == "https:" ? HTTPS_CLIENT : HTTP_CLIENT, "got_feed", "no_feed");

    urls[fd] = url;
    socket_set_option(fd, CONTENT_SIZE_LIMIT, 4000000);
    if (socket_connect(fd, url, "got_feed", "ready") != EESUCCESS) {
        write("== " + url + ": " + socket_get_option(fd, SO_LAST_ERROR) + "\n\n");
        socket_close(fd);
    }
}

int main(string *argv) {
    if (sizeof(argv) < 2) {
        write("Which feeds? Say their URLs.\n");
        return 1;
    }
    foreach (string url in argv[1..])
        fetch(url);
    return 0;
}
