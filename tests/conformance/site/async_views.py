"""The views of the conformance site, async; those that make no difference are the sync ones' twins."""

import asyncio

import httpx
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from loguru import logger

import logkit
from logkit.httpx import async_hooks

running = set()


async def ok(request):
    await asyncio.sleep(0)
    logger.info("view.ran")
    return HttpResponse("ok")


async def bind(request):
    logkit.bind_context(secretive=request.GET["mark"])
    await asyncio.sleep(0)
    logger.info("view.ran")
    return HttpResponse("bound")


async def denied(request):
    logger.info("view.ran")
    raise PermissionDenied


async def missing(request):
    raise Http404


async def suspicious(request):
    raise SuspiciousOperation("odd")


async def crash(request):
    logger.info("view.ran")
    raise ValueError("boom")


async def whoami(request):
    logger.info("view.before")
    user = await request.auser()
    logger.info("view.after")
    return JsonResponse({"known": user.is_authenticated})


async def stream(request):
    async def chunks():
        for number in range(3):
            await asyncio.sleep(0)
            logger.info("chunk.made", number=number)
            yield b"x" * 10

    return StreamingHttpResponse(chunks())


async def stream_fails(request):
    async def chunks():
        yield b"x" * 10
        raise ValueError("half-way")

    return StreamingHttpResponse(chunks())


async def stream_slowly(request):
    async def chunks():
        logkit.bind_context(streaming=True)
        try:
            for _ in range(2000):
                yield b"x" * 65536
                await asyncio.sleep(0.01)
        finally:
            logger.info("chunks.closed")

    return StreamingHttpResponse(chunks())


async def cleanup_fails(request):
    """A body that cannot even be given up in peace."""

    async def chunks():
        try:
            for _ in range(2000):
                yield b"x" * 65536
                await asyncio.sleep(0.01)
        finally:
            raise ValueError("cleanup")

    return StreamingHttpResponse(chunks())


async def queries(request):
    async def one(number):
        await User.objects.filter(username=f"nobody-{number % 2}-{'x' * number}").aexists()

    await asyncio.gather(*(one(number) for number in range(int(request.GET["count"]))))
    return HttpResponse("ok")


async def outgoing(request):
    async with httpx.AsyncClient(event_hooks=async_hooks()) as client:
        inner = await client.get(request.GET["url"])
    return JsonResponse(inner.json())


async def slow(request):
    logger.info("view.before")
    await asyncio.sleep(float(request.GET.get("seconds", "1")))
    logger.info("view.after")
    return HttpResponse("slow")


async def group(request):
    """Tasks that log and bind for themselves, and the view again."""

    async def one(number):
        logkit.bind_context(task=number)
        await asyncio.sleep(0)
        logger.info("task.ran")

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(one(number))
    logger.info("view.after")
    return HttpResponse("ok")


async def background(request):
    """A task that lives longer than its request."""

    async def later():
        await asyncio.sleep(0.2)
        logkit.bind_context(mark="late")
        logkit.add_fields(rows=12)
        await User.objects.filter(username="nobody").aexists()
        logger.info("background.ran")

    task = asyncio.create_task(later())
    running.add(task)
    task.add_done_callback(running.discard)
    return HttpResponse("ok")


async def add_fields(request):
    logkit.add_fields(rows=12)
    return HttpResponse("ok")
