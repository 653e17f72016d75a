#!/usr/bin/env bash
# wechatpy 1.8.18: every event that WeChat pushes has the id 0.
#
# One would guess that `message.id` tells two pushes apart, or is None where WeChat gives no number: events have no MsgId. The number is 0
# for each event, so what drops a message whose id it has seen before drops all events but the first. An event that the package has no
# class for, such as a subscription's, also says that its type is "unknown" although its MsgType is "event"; its name is to be had from
# the private `_data` alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check wechatpy==1.8.18 cryptography==50.0.2
"$work/venv/bin/python" - <<'PY'
from wechatpy import parse_message


def pushed(sender, time, rest):
    return parse_message(
        f"<xml><ToUserName><![CDATA[gh_8ce708ef394f]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>{time}</CreateTime>{rest}</xml>"
    )


EVENT = "<MsgType><![CDATA[event]]></MsgType>"
text = pushed("oA", 1700000000, "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content><MsgId>24355496525099163</MsgId>")
entered = pushed("oA", 1700000001, EVENT + "<Event><![CDATA[user_enter_tempsession]]></Event><SessionFrom><![CDATA[]]></SessionFrom>")
accepted = pushed(
    "oB",
    1700000002,
    EVENT
    + "<Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent><List><TemplateId><![CDATA[t]]></TemplateId>"
    "<SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>0</PopupScene></List></SubscribeMsgPopupEvent>",
)
seen = [(message.type, message.id) for message in (text, entered, accepted)]
print("wechatpy 1.8.18: type and id of a text and two events:", seen)
assert seen == [("text", 24355496525099163), ("event", 0), ("unknown", 0)]
assert not hasattr(accepted, "event") and accepted._data["MsgType"] == "event"
PY
