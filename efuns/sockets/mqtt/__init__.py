"""MQTT: clients (mode 37) and the broker (38)."""
