// Core compression modes
int stream_socket = socket_create(STREAM_COMPRESSED, "compressed_data", "stream_error");
int tls_socket = socket_create(STREAM_TLS_COMPRESSED, "secure_data", "tls_error");
int udp_socket = socket_create(DATAGRAM_COMPRESSED, "udp_data", "udp_error");
