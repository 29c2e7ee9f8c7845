"""Middleware that projects have."""


def sync_only(get_response):
    def middleware(request):
        return get_response(request)

    return middleware
