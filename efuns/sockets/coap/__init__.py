"""CoAP: servers (mode 26) and clients (27)."""
