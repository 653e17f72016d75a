"""Helpers of the Python clients: the simulator's controls, a receiver of notices, and steps that report their result."""

import http.server
import json
import os
import queue
import threading
import time
import urllib.request

SIMULATOR = json.loads(os.environ["SIMULATOR"])
ACCOUNT = SIMULATOR["account"]
PLATFORM = SIMULATOR["url"] + "/"
PAY = SIMULATOR["pay_url"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def control(path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{SIMULATOR['url']}/_wechat/{path}", data=data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Notices:
    """A merchant's receiver of notices. `next()` returns headers and body as they arrived."""

    def __init__(self, acknowledgement, content_type):
        received = self.received = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                received.put((self.headers, self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                self.wfile.write(acknowledgement.encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/notify"

    def next(self):
        return self.received.get(timeout=10)


class Steps:
    """Runs the steps of a client in order. A step that fails does not stop the others."""

    def __init__(self, client):
        self.client = client

    def __call__(self, name):
        def run(step):
            try:
                detail, ok = step(), True
            except Exception as error:
                detail, ok = f"{type(error).__name__}: {error}", False
            print(json.dumps({"client": self.client, "step": name, "ok": ok, "detail": str(detail)[:300]}), flush=True)

        return run


def expect_equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r}, wanted {wanted!r}")


def new_number(prefix):
    return f"{prefix}{time.time_ns()}"
