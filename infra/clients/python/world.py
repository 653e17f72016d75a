"""What every client here needs: the simulated WeChat's phone and controls, a receiver of notices, and steps that are told."""

import http.server
import json
import os
import queue
import threading
import time
import urllib.request

WORLD = json.loads(os.environ["WORLD"])
ACCOUNT = WORLD["account"]
PLATFORM = WORLD["url"] + "/"
PAY = WORLD["pay_url"]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def control(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{WORLD['url']}/_wechat/{path}", data=data)) as answer:
        return json.load(answer)


class Notices:
    """A merchant's address for notices: `next()` is headers and body as they came, which the client has to believe."""

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
    """Runs the steps of one client in their order; a step that fails does not end the others."""

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


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r}, wanted {wanted!r}")


def new_number(prefix):
    return f"{prefix}{time.time_ns()}"
