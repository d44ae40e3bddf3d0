// HTTP server
int http_socket = socket_create(HTTP_SERVER, "http_read_callback", "http_close_callback");

// REST API server
int rest_socket = socket_create(REST_SERVER, "rest_request_callback", "rest_close_callback");
