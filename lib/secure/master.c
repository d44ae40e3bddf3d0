/*
 * The master object: the driver asks it before anything that touches files or sockets.
 *
 * Policy of this mudlib: everything may be read; only /log, /save and /run may be written. In /tmp, the
 * host's directory, there may be FIFOs and named eventfds, but no files. What the host forbids stays
 * forbidden whatever is answered here.
 */

#define WRITABLE        ({ "/log", "/save", "/run" })
#define TEMPORARY       "/tmp"
#define MEETING_POINTS  ({ "fifo", "eventfd" })

/* Whether `path` is `directory` or lies below it. */
private int is_below(string path, string directory) {
    return path == directory || strsrch(path, directory + "/") == 0;
}

/* Files. `caller` is 0 while the driver itself reads. */
int valid_read(string path, mixed caller, string operation) {
    return 1;
}

int valid_write(string path, mixed caller, string operation) {
    foreach (string directory in WRITABLE) {
        if (is_below(path, directory)) {
            return 1;
        }
    }
    return is_below(path, TEMPORARY) && member_array(operation, MEETING_POINTS) >= 0;
}

/*
 * Sockets. `info` is ({ descriptor, owner, address, port, mode, extra }); `extra` of a "spawn" or an
 * "external" (external_start) is the command line, whose first word is the name the host registered.
 */
int valid_socket(object caller, string operation, mixed *info) {
    if ((operation == "spawn" || operation == "external") && sizeof(info) > 5 && stringp(info[5]) && info[5] != "") {
        return external_command_allowed(explode(info[5], " ")[0]);
    }
    return 1;
}

/* efun::name() past a simulated efun: only for the mudlib's own secure files. */
int valid_override(string file, string efun_name, string main_file) {
    return is_below(file, "/secure") || is_below("/" + file, "/secure");
}

int valid_object(object ob) {
    return 1;
}

int valid_bind(object binder, object old_owner, object new_owner) {
    return binder == old_owner;
}

/* A nomask query_prevent_shadow() keeps shadows away. */
int valid_shadow(object ob) {
    return !ob->query_prevent_shadow(previous_object());
}

int valid_link(string from, string to) {
    return 0;
}

int valid_hide(object ob) {
    return 0;
}

/* Nobody is waiting for a login here: the port stays closed until a mudlib adds one. */
object connect(int port) {
    return 0;
}

string *epilog(int load_empty) {
    return ({ });
}

void preload(string file) {
    load_object(file);
}
