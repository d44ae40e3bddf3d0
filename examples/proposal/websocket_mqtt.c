// WebSocket server
int ws_socket = socket_create(WEBSOCKET_SERVER, "ws_message_callback", "ws_close_callback");

// MQTT client (client only - no server support in libwebsockets)
int mqtt_socket = socket_create(MQTT_CLIENT, "mqtt_message_callback", "mqtt_close_callback");
