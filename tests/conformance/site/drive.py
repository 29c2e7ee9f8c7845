"""Django's test client, sync or async, as one more kind of server: requests come as JSON lines on stdin.

Answers go to the descriptor in SITE_ANSWERS, so that stdout holds log lines and nothing else.
"""

import asyncio
import base64
import json
import os
import sys

import django


def answer(out, response, body):
    headers = [[name, str(value)] for name, value in response.items()]
    headers += [["Set-Cookie", cookie.output(header="")] for cookie in response.cookies.values()]
    data = {"status": response.status_code, "headers": headers, "body": base64.b64encode(body).decode()}
    out.write(json.dumps(data) + "\n")
    out.flush()


def headers_of(call, client):
    headers = dict(call["headers"])
    client.cookies.load(headers.pop("Cookie", ""))  # the async client has a Cookie header of its own
    return headers


def serve_sync(out):
    from django.test import Client

    from tests.conformance.site.servers import outside

    for line in sys.stdin:
        call = json.loads(line)
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        with outside():
            response = client.generic(call["method"], call["path"], headers=headers_of(call, client))
        try:
            body = b"".join(response) if response.streaming else response.content
        except ValueError:
            body = b"broken"
        response.close()
        answer(out, response, body)


async def serve_async(out):
    from django.test import AsyncClient

    from tests.conformance.site.servers import outside

    while line := await asyncio.to_thread(sys.stdin.readline):
        call = json.loads(line)
        client = AsyncClient(raise_request_exception=False, enforce_csrf_checks=True)
        with outside():
            response = await client.generic(call["method"], call["path"], headers=headers_of(call, client))
        try:
            body = b"".join([part async for part in response]) if response.streaming else response.content
        except ValueError:
            body = b"broken"
        await asyncio.to_thread(response.close)
        answer(out, response, body)


if __name__ == "__main__":
    django.setup()
    with os.fdopen(int(os.environ["SITE_ANSWERS"]), "w") as out:
        if sys.argv[1] == "async":
            asyncio.run(serve_async(out))
        else:
            serve_sync(out)
