#!/usr/bin/env bash
# wechatpy 1.8.18: the number 0 in a request of WeChat Pay v2 arrives as nothing.
#
# One would guess that WeChatPay.post(data={"offset": 0}) sends <offset>0</offset>: WeChat's rule leaves out of the signature what is
# empty, and 0 is not empty. The client leaves 0 out of the signature and writes <offset></offset>, so that the two agree with each
# other and no signature error gives it away. The text "0" is sent and signed as one would expect.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check wechatpy==1.8.18 cryptography==50.0.2
"$work/venv/bin/python" - <<'PY'
import hashlib
import re

from wechatpy.pay import WeChatPay

KEY = "192006250b4c09247ec02edce69f6a2d"
pay = WeChatPay("wxd930ea5d5a258f4f", KEY, "10000100")
sent = {}


def transport(**request):
    sent["body"] = request["data"].decode()
    raise ConnectionError("not sent")


pay._http.request = transport


def ask(offset):
    """The element that would be sent, and whether the signature holds with the offset and without it."""
    try:
        pay.post("billcommentsp/batchquerycomment", data={"appid": pay.appid, "nonce_str": "n", "offset": offset})
    except ConnectionError:
        pass
    fields = dict(re.findall(r"<(\w+)>(?:<!\[CDATA\[)?([^<\]]*)", sent["body"]))
    fields.pop("xml", None)
    sign = fields.pop("sign")
    holds = {}
    for name, kept in (("with", {**fields, "offset": str(offset)}), ("without", {k: v for k, v in fields.items() if k != "offset"})):
        text = "&".join(f"{k}={v}" for k, v in sorted(kept.items())) + f"&key={KEY}"
        holds[name] = hashlib.md5(text.encode()).hexdigest().upper() == sign
    return re.search("<offset>.*</offset>", sent["body"])[0], holds


zero, text = ask(0), ask("0")
print("0:  ", *zero)
print('"0":', *text)
assert zero == ("<offset></offset>", {"with": False, "without": True}), zero
assert text == ("<offset>0</offset>", {"with": True, "without": False}), text
PY
