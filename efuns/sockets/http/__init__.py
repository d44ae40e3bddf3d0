"""HTTP: servers (modes 20 and 21) over HTTP/1.1 and HTTP/2, clients (22 and 23)."""
