"""REST: servers (mode 24) and clients (25), routes, JSON Schema, JWT and OpenAPI."""
