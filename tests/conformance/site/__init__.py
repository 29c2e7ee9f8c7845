"""A small Django project that does everything a request can do, served by every kind of server."""
