/*
 * Watch the mudlib's logs: append lines to lib/log/runtime or lib/log/security, or create
 * lib/log/crash_1, from another terminal. Ends at Ctrl-C.
 */

void setup_log_monitoring() {
    int log_watcher = socket_create(EXTERNAL_INOTIFY, "log_file_updated", "log_watch_error");

    // Monitor log directory for new entries
    socket_bind(log_watcher, "/mud/lib/log/");

    log_system("Log file monitoring started");
}

void log_file_updated(int socket, mapping event) {
    string filename = event["filename"];
    string action = event["action"];

    // Look for critical error patterns in runtime logs
    if(filename == "runtime" && action == "modified") {
        check_for_critical_errors();
    }

    // Monitor security log for suspicious activity
    if(filename == "security" && action == "modified") {
        analyze_security_events();
    }

    // Watch for new crash dumps
    if(sscanf(filename, "crash_%*s") == 1 && action == "created") {
        alert_administrators("Crash dump created: " + filename);
    }
}

void check_for_critical_errors() {
    // Read recent log entries and check for critical patterns
    string log_content = read_file("/mud/lib/log/runtime", -100);  // Last 100 lines

    if(sizeof(regexp(({log_content}), "FATAL|PANIC|SEGFAULT"))) {
        alert_administrators("Critical error detected in runtime log");

        // Optionally trigger automatic backup
        call_out("emergency_backup", 1);
    }
}

/* Keep a copy of the log that raised the alarm. */
void emergency_backup() {
    string text = read_file("/mud/lib/log/runtime");

    if (text && write_file("/save/runtime.backup", text, 1)) {
        log_system("Runtime log saved to /save/runtime.backup");
    }
}

int main(string *argv) {
    setup_log_monitoring();
    return 0;
}
