"""WebSocket: modes 30 to 36."""
