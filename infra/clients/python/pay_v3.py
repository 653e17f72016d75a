"""WeChat Pay v3 with wechatpayv3: with platform certificates, or with the WeChat Pay public key (SIMULATOR.mode)."""

import hashlib
import gzip
import json

import wechatpayv3.core
from wechatpayv3 import WeChatPay, WeChatPayType

from simulator import ACCOUNT, PAY, SIMULATOR, Notices, Steps, control, expect_equal, new_number, read


class Core(wechatpayv3.core.Core):
    """The client, sent to the simulator. It has no option for another address."""

    _gate_way = property(lambda self: PAY, lambda self, value: None)


wechatpayv3.core.Core = Core
PUBLIC_KEY = SIMULATOR["mode"] == "public key"
step = Steps(f"python wechatpayv3, {SIMULATOR['mode']}")
notices = Notices('{"code":"SUCCESS"}', "application/json")
user = control("users", {})
paid, unpaid, refund = new_number("py3-"), new_number("py3-"), new_number("py3r-")
key = control("platform_keys")["public_key"] if PUBLIC_KEY else {"pem": None, "id": None}
pay = None


def ok(answer, status=200):
    code, text = answer
    if code != status:
        raise AssertionError(f"HTTP {code} {text}")
    return json.loads(text) if text else None


def prepay(number):
    amount, payer = {"total": 400, "currency": "CNY"}, {"openid": user["openid"]}
    return ok(pay.pay(description="矿泉水 550ml×2", out_trade_no=number, amount=amount, payer=payer, attach="a=1&b=二"))


@step("keys")
def _():
    global pay
    pay = WeChatPay(WeChatPayType.MINIPROG, ACCOUNT["mch_id"], read(ACCOUNT["private_key"]), ACCOUNT["serial_no"],
                    ACCOUNT["app_id"], ACCOUNT["api_v3_key"], notices.url, public_key=key["pem"], public_key_id=key["id"])
    return key["id"] or f"{len(pay._core._certificates)} certificates"


@step("prepay and pay")
def _():
    package = "prepay_id=" + prepay(paid)["prepay_id"]
    signed = ["1700000000", "nonce", package]
    arguments = dict(zip(("timeStamp", "nonceStr", "package"), signed), signType="RSA",
                     paySign=pay.sign([ACCOUNT["app_id"], *signed]))
    control("wx/requestPayment", {"openid": user["openid"], **arguments})


@step("notice of the payment")
def _():
    notice = pay.callback(*notices.next())
    expect_equal((notice["event_type"], notice["resource"]["out_trade_no"]), ("TRANSACTION.SUCCESS", paid))
    expect_equal(notice["resource"]["attach"], "a=1&b=二")


@step("query")
def _():
    by_number = ok(pay.query(out_trade_no=paid))
    expect_equal((by_number["trade_state"], by_number["amount"]["total"]), ("SUCCESS", 400))
    expect_equal(ok(pay.query(transaction_id=by_number["transaction_id"])), by_number)


@step("refund and its query")
def _():
    amount = {"refund": 150, "total": 400, "currency": "CNY"}
    expect_equal(ok(pay.refund(refund, amount, out_trade_no=paid, reason="少发一瓶"))["out_refund_no"], refund)
    expect_equal(ok(pay.query_refund(refund))["status"], "SUCCESS")


@step("notice of the refund")
def _():
    notice = pay.callback(*notices.next())
    expect_equal((notice["event_type"], notice["resource"]["out_refund_no"]), ("REFUND.SUCCESS", refund))


@step("close")
def _():
    prepay(unpaid)
    ok(pay.close(unpaid), 204)
    expect_equal(ok(pay.query(out_trade_no=unpaid))["trade_state"], "CLOSED")


@step("bill")
def _():
    offer = ok(pay.trade_bill(SIMULATOR["bill_date"], tar_type="GZIP"))
    code, file = pay.download_bill(offer["download_url"])
    text = gzip.decompress(file)
    expect_equal((code, hashlib.sha1(text).hexdigest()), (200, offer["hash_value"]))
    expect_equal(SIMULATOR["bill_order"] in text.decode(), True)


@step("an error")
def _():
    code, text = pay.query(out_trade_no="never-ordered")
    expect_equal((code, json.loads(text)["code"]), (404, "ORDER_NOT_EXIST"))
