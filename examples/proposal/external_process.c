// Unix pipe to external command
int pipe_socket = socket_create(EXTERNAL_PIPE, "pipe_data", "pipe_error");

// Unix socketpair for bidirectional communication
int pair_socket = socket_create(EXTERNAL_SOCKETPAIR, "pair_data", "pair_error");

// Named FIFO
int fifo_socket = socket_create(EXTERNAL_FIFO, "fifo_data", "fifo_error");
socket_bind(fifo_socket, "/tmp/mud_fifo");

// Linux eventfd for signaling
int event_socket = socket_create(EXTERNAL_EVENTFD, "event_notification", "event_error");

// File system monitoring
int watch_socket = socket_create(EXTERNAL_INOTIFY, "file_changed", "watch_error");
socket_bind(watch_socket, "/mud/lib/secure/cfg/");
