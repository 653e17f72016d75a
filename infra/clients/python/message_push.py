"""The package wechatpy reads what the simulator pushes in XML, and pushes what the back end takes. It knows no JSON."""

import http.server
import json
import queue
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from simulator import ACCOUNT, SIMULATOR, Steps, control, expect_equal, new_number
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner, check_signature

PUSH = ACCOUNT["message_push"]
CRYPTO = WeChatCrypto(PUSH["token"], PUSH["encoding_aes_key"], ACCOUNT["app_id"])
USER = control("users", {"nickName": "小明"})["openid"]
step = Steps("wechatpy")


class Receiver:
    """An address for pushes. `take` returns the query and the body of the next one."""

    def __init__(self):
        arrived = self.arrived = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, text):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self):
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                check_signature(PUSH["token"], query["signature"], query["timestamp"], query["nonce"])
                self.answer(query["echostr"])

            def do_POST(self):
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                arrived.put((query, self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.answer("success")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/callback"

    def take(self):
        return self.arrived.get(timeout=10)


RECEIVER = Receiver()


def settings(**changes):
    control("push/settings", {"url": RECEIVER.url, "format": "xml", **changes}, "PUT")


def send(message):
    """Sends a message in the package's envelope to the back end."""
    timestamp, nonce = str(int(time.time())), new_number("")
    body = CRYPTO.encrypt_message(message, nonce, timestamp)
    encrypted = body.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    signer = WeChatSigner()
    signer.add_data(PUSH["token"], timestamp, nonce, encrypted)
    query = {"timestamp": timestamp, "nonce": nonce, "encrypt_type": "aes", "msg_signature": signer.signature}
    url = f"{SIMULATOR['bundle']}/api/message/callback?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(urllib.request.Request(url, data=body.encode())) as answer:
        return answer.status, answer.read().decode()


@step("checks the address")
def _():
    settings(mode="secure")
    control("push/check", {})


@step("reads a push in secure mode")
def _():
    settings(mode="secure")
    control("push", {"openid": USER, "MsgType": "text", "Content": "你好 <b>&amp;</b>", "MsgId": 24355496525099163})
    query, body = RECEIVER.take()
    message = parse_message(CRYPTO.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"]))
    expect_equal((message.type, message.source, message.content, message.id), ("text", USER, "你好 <b>&amp;</b>", 24355496525099163))


@step("checks a push in plain mode")
def _():
    settings(mode="plain")
    control("push", {"openid": USER, "Event": "user_enter_tempsession", "SessionFrom": "vip|会员"})
    query, body = RECEIVER.take()
    check_signature(PUSH["token"], query["signature"], query["timestamp"], query["nonce"])
    message = parse_message(body)
    expect_equal((message.event, message.session_from), ("user_enter_tempsession", "vip|会员"))


@step("is taken by the back end, and reads its encrypted answer")
def _():
    text = (
        f"<xml><ToUserName>gh_a</ToUserName><FromUserName>{USER}</FromUserName><CreateTime>{int(time.time())}</CreateTime>"
        f"<MsgType>text</MsgType><Content><![CDATA[你好]]></Content><MsgId>{new_number('')}</MsgId></xml>"
    )
    status, answer = send(text)
    part = lambda name: re.search(rf"<{name}>(?:<!\[CDATA\[)?([^<\]]+)", answer)[1]
    handed_over = CRYPTO.decrypt_message(answer, part("MsgSignature"), part("TimeStamp"), part("Nonce"))
    expect_equal((status, "<![CDATA[transfer_customer_service]]>" in handed_over, USER in handed_over), (200, True, True))
