"""The Django project: settings, servers, the HTTP API's frame, logging and audit of the product."""
