"""One view that enqueues what it is asked for, and the requests of the story: `python -m tests.tasks_site.site`."""

import os
from unittest import mock

import django
from django.core.cache import caches
from django.core.cache.backends.filebased import FileBasedCache
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from loguru import logger

import logkit


async def send_async(request: HttpRequest, how: str) -> HttpResponse:
    """As `send` does, in an async view."""
    from tests.tasks_site import jobs

    logkit.bind_context(user_id="7")
    await getattr(jobs, how).aenqueue()
    return HttpResponse()


def send(request: HttpRequest, backend: str, how: str) -> HttpResponse:
    """Enqueue on a backend, as user 7, and say a line afterwards."""
    from tests.tasks_site import jobs

    logkit.bind_context(user_id="7")
    getattr(jobs, how).using(backend=backend).enqueue()
    logger.info("task.sent")
    return HttpResponse()


urlpatterns = [
    path("async/<str:how>", send_async),
    path("<str:backend>/<str:how>", send),
]


def main() -> None:
    """Every request of the story; its id is its name."""
    django.setup()
    call_command("migrate", verbosity=0)
    client = Client()

    def get(name: str, url: str) -> None:
        client.get(url, headers={"X-Request-ID": f"request-{name}"})

    for how in ("greet", "fail", "have_child"):
        get(how, f"/default/{how}")
        get(f"{how}-inside", f"/immediate/{how}")
    get("async", "/async/greet_slowly")
    get("nobody", "/dummy/greet")
    get("again", "/again/fail")
    cache = caches["shared"]
    kept = FileBasedCache.set
    changes = {
        "forged": lambda text: text.replace("request-forged", "request-of-others").replace(
            '\\"7\\"', '\\"1\\"'
        ),
        "garbage": lambda text: "{" + "x" * 100,
        "huge": lambda text: '{"root_id": "' + "x" * 10_000 + '"}',
        "odd": lambda text: ["no", "text"],
    }
    for name, change in changes.items():

        def set_changed(self: FileBasedCache, key: str, value: str, *args: object, **options: object) -> None:
            kept(self, key, change(value), *args, **options)  # noqa: B023

        with mock.patch.object(FileBasedCache, "set", set_changed):
            get(name, "/default/greet")
    with mock.patch.object(FileBasedCache, "set", side_effect=OSError("the cache is away")):
        get("away", "/default/greet")
    assert cache is caches["shared"]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.tasks_site.settings")
    main()
