#!/usr/bin/env bash
# wechatpy 1.8.18: a picture that passed WeChat's content check is not valid.
#
# One would guess that `is_valid` of the class for `wxa_media_check` is true after the verdict "pass", because the class links to the
# page of mediaCheckAsync. It reads the fields of the first version of that API (`isrisky`, `status_code`). A verdict of version 2, which
# is what the page describes today, has `result.suggest` instead, so `is_valid` is false although everything is fine. The same verdict in
# the old form is valid. Nothing raises, so a program that publishes what is valid publishes nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check wechatpy==1.8.18 cryptography==50.0.2
"$work/venv/bin/python" - <<'PY'
from wechatpy import parse_message

HEAD = (
    "<ToUserName><![CDATA[gh_8ce708ef394f]]></ToUserName><FromUserName><![CDATA[o5wQws1FH2FD2uaNtxmrc1jiG4dc]]></FromUserName>"
    "<CreateTime>1626959646</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[wxa_media_check]]></Event>"
    "<appid><![CDATA[wx95e6095a537e33b4]]></appid><trace_id><![CDATA[60f96f1d-3845297a-1976a3ae]]></trace_id>"
)
V1 = "<isrisky>0</isrisky><extra_info_json><![CDATA[]]></extra_info_json><status_code>0</status_code>"
V2 = (
    "<version>2</version><detail><strategy>content_model</strategy><errcode>0</errcode><suggest>pass</suggest><label>100</label>"
    "<prob>90</prob></detail><errcode>0</errcode><errmsg>ok</errmsg><result><suggest>pass</suggest><label>100</label></result>"
)
old, new = (parse_message(f"<xml>{HEAD}{body}</xml>") for body in (V1, V2))
seen = [type(old) is type(new), old.is_valid, new.is_valid, new.is_risky]
print("wechatpy 1.8.18: same class, valid by version 1, valid by version 2, is_risky of version 2:", seen)
assert seen == [True, True, False, None]
assert new._data["result"]["suggest"] == "pass"
PY
