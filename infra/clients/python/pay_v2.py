"""WeChat Pay v2 with wechatpy, signed with MD5 or HMAC-SHA256 (WORLD.mode)."""

import xmltodict
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature_hmac

from world import ACCOUNT, PAY, WORLD, Notices, Steps, control, equal, new_number

HMAC = WORLD["mode"] == "HMAC-SHA256"
step = Steps(f"python wechatpy, {WORLD['mode']}")
notices = Notices("<xml><return_code>SUCCESS</return_code></xml>", "text/xml")
user = control("users", {})
paid, unpaid, refund = new_number("py2-"), new_number("py2-"), new_number("py2r-")
WeChatPay.API_BASE_URL = PAY + "/"
pay = WeChatPay(ACCOUNT["app_id"], ACCOUNT["api_v2_key"], ACCOUNT["mch_id"], mch_cert=ACCOUNT["certificate"],
                mch_key=ACCOUNT["private_key"])


def believe(xml):
    """The notice's fields. The client itself believes MD5 only; its function for HMAC-SHA256 has to be called."""
    if not HMAC:
        return pay.parse_payment_result(xml)
    fields = xmltodict.parse(xml)["xml"]
    equal(fields.pop("sign"), calculate_signature_hmac(fields, ACCOUNT["api_v2_key"]))
    return fields


def prepay(number):
    more = {"sign_type": "HMAC-SHA256"} if HMAC else {}
    return pay.order.create("JSAPI", "矿泉水 550ml×2", 400, notices.url, "127.0.0.1", user["openid"], number,
                            attach="a=1&b=二", **more)


@step("prepay and pay")
def _():
    answer = prepay(paid)
    sign = calculate_signature_hmac if HMAC else None
    arguments = {"appId": ACCOUNT["app_id"], "timeStamp": "1700000000", "nonceStr": "nonce",
                 "package": "prepay_id=" + answer["prepay_id"], "signType": WORLD["mode"]}
    if sign:
        equal(answer.pop("sign"), sign(answer, ACCOUNT["api_v2_key"]))
        arguments["paySign"] = sign(arguments, ACCOUNT["api_v2_key"])
    else:
        equal(pay.check_signature(answer), True)
        arguments = pay.jsapi.get_jsapi_params(answer["prepay_id"])
    control("wx/requestPayment", {"openid": user["openid"], **arguments})


@step("notice of the payment")
def _():
    told = believe(notices.next()[1])
    equal((told["out_trade_no"], int(told["total_fee"]), told["attach"]), (paid, 400, "a=1&b=二"))


@step("query")
def _():
    by_number = pay.order.query(out_trade_no=paid)
    equal((by_number["trade_state"], by_number["total_fee"]), ("SUCCESS", "400"))
    equal(pay.check_signature(by_number), True)
    equal(pay.order.query(transaction_id=by_number["transaction_id"])["out_trade_no"], paid)


@step("refund and its query")
def _():
    made = pay.refund.apply(400, 150, refund, out_trade_no=paid, refund_desc="少发一瓶", notify_url=notices.url)
    equal(made["out_refund_no"], refund)
    found = pay.refund.query(out_refund_no=refund)
    equal((found["refund_status_0"], found["refund_fee_0"]), ("SUCCESS", "150"))


@step("notice of the refund")
def _():
    told = pay.parse_refund_notify_result(notices.next()[1])
    equal((told["out_refund_no"], told["refund_status"], told["refund_fee"]), (refund, "SUCCESS", 150))


@step("close")
def _():
    prepay(unpaid)
    pay.order.close(unpaid)
    equal(pay.order.query(out_trade_no=unpaid)["trade_state"], "CLOSED")


@step("bill")
def _():
    text = pay.tools.download_bill(WORLD["bill_date"].replace("-", ""))
    equal(WORLD["bill_order"] in text, True)


@step("a refusal")
def _():
    try:
        pay.order.query(out_trade_no="never-ordered")
    except WeChatPayException as refused:
        equal(refused.errcode, "ORDERNOTEXIST")
    else:
        raise AssertionError("it was answered")
