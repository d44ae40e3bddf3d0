/*
 * Watch the configuration directory and act on every save: `make run`, then change a file in
 * lib/secure/cfg/ from another terminal. Ends at Ctrl-C.
 */

void setup_config_watcher() {
    int watch_socket = socket_create(EXTERNAL_INOTIFY, "config_file_changed", "watch_error");

    // Monitor configuration directory for changes
    socket_bind(watch_socket, "/mud/lib/secure/cfg/");

    log_system("Configuration file monitoring started");
}

void config_file_changed(int socket, mapping event) {
    string filename = event["filename"];
    string action = event["action"];  // "modified", "created", "deleted"

    switch(filename) {
        case "quantumscape.cfg":
            if(action == "modified") {
                log_system("Main config file changed, scheduling reload");
                call_out("reload_main_config", 5);  // 5 second delay
            }
            break;

        case "external_commands.cfg":
            if(action == "modified") {
                log_system("External commands config changed");
                reload_external_commands();
            }
            break;
    }
}

void watch_error(int socket, string error) {
    log_error("Config file watching failed: " + error);
    call_out("setup_config_watcher", 60);  // Retry in 60 seconds
}

/* What the delayed reload does: read the file and say what it holds. */
void reload_main_config() {
    mapping settings = read_config("/secure/cfg/quantumscape.cfg");

    log_system("Main config reloaded: " + sizeof(settings) + " settings");
}

int main(string *argv) {
    setup_config_watcher();
    return 0;
}
