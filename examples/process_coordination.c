/*
 * Tell processes about maintenance through an event counter. The object signals itself at once; the
 * five minutes of warning then run. Ends when they are over, or at Ctrl-C.
 */

// Global coordination between MUD processes
int coordination_event;

void setup_process_coordination() {
    coordination_event = socket_create(EXTERNAL_EVENTFD, "coordination_signal", "coord_error");

    // Initialize counter to 0
    socket_write(coordination_event, 0);

    log_system("Process coordination initialized");
}

void signal_maintenance_mode() {
    // Increment event counter to signal all processes
    socket_write(coordination_event, 1);
    log_system("Maintenance mode signal sent to all processes");
}

void coordination_signal(int socket, int counter_value) {
    if(counter_value > 0) {
        log_system("Received maintenance mode signal, preparing for shutdown");

        // Notify all players
        broadcast_system("Server entering maintenance mode in 5 minutes");

        // Start graceful shutdown sequence
        call_out("begin_maintenance_shutdown", 300);  // 5 minutes

        // Reset counter after handling
        socket_write(coordination_event, 0);
    }
}

void coord_error(int socket, string error) {
    log_error("Process coordination error: " + error);
    call_out("setup_process_coordination", 30);
}

/* The warning time is over. */
void begin_maintenance_shutdown() {
    broadcast_system("Server is going down for maintenance");
    shutdown(0);
}

int main(string *argv) {
    setup_process_coordination();
    signal_maintenance_mode();
    return 0;
}
