"""WeChat Pay v2 with wechatpy, signed with MD5 or HMAC-SHA256 (SIMULATOR.mode)."""

import xmltodict
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature_hmac

from simulator import ACCOUNT, PAY, SIMULATOR, Notices, Steps, control, expect_equal, new_number

HMAC = SIMULATOR["mode"] == "HMAC-SHA256"
step = Steps(f"python wechatpy, {SIMULATOR['mode']}")
notices = Notices("<xml><return_code>SUCCESS</return_code></xml>", "text/xml")
user = control("users", {})
paid, unpaid, refund = new_number("py2-"), new_number("py2-"), new_number("py2r-")
WeChatPay.API_BASE_URL = PAY + "/"
pay = WeChatPay(ACCOUNT["app_id"], ACCOUNT["api_v2_key"], ACCOUNT["mch_id"], mch_cert=ACCOUNT["certificate"],
                mch_key=ACCOUNT["private_key"])


def verify_notice(xml):
    """Verifies a notice and returns its fields. The client verifies MD5 only, so its function for HMAC-SHA256 is called here."""
    if not HMAC:
        return pay.parse_payment_result(xml)
    fields = xmltodict.parse(xml)["xml"]
    expect_equal(fields.pop("sign"), calculate_signature_hmac(fields, ACCOUNT["api_v2_key"]))
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
                 "package": "prepay_id=" + answer["prepay_id"], "signType": SIMULATOR["mode"]}
    if sign:
        expect_equal(answer.pop("sign"), sign(answer, ACCOUNT["api_v2_key"]))
        arguments["paySign"] = sign(arguments, ACCOUNT["api_v2_key"])
    else:
        expect_equal(pay.check_signature(answer), True)
        arguments = pay.jsapi.get_jsapi_params(answer["prepay_id"])
    control("wx/requestPayment", {"openid": user["openid"], **arguments})


@step("notice of the payment")
def _():
    notice = verify_notice(notices.next()[1])
    expect_equal((notice["out_trade_no"], int(notice["total_fee"]), notice["attach"]), (paid, 400, "a=1&b=二"))


@step("query")
def _():
    by_number = pay.order.query(out_trade_no=paid)
    expect_equal((by_number["trade_state"], by_number["total_fee"]), ("SUCCESS", "400"))
    expect_equal(pay.check_signature(by_number), True)
    expect_equal(pay.order.query(transaction_id=by_number["transaction_id"])["out_trade_no"], paid)


@step("refund and its query")
def _():
    created = pay.refund.apply(400, 150, refund, out_trade_no=paid, refund_desc="少发一瓶", notify_url=notices.url)
    expect_equal(created["out_refund_no"], refund)
    found = pay.refund.query(out_refund_no=refund)
    expect_equal((found["refund_status_0"], found["refund_fee_0"]), ("SUCCESS", "150"))


@step("notice of the refund")
def _():
    notice = pay.parse_refund_notify_result(notices.next()[1])
    expect_equal((notice["out_refund_no"], notice["refund_status"], notice["refund_fee"]), (refund, "SUCCESS", 150))


@step("close")
def _():
    prepay(unpaid)
    pay.order.close(unpaid)
    expect_equal(pay.order.query(out_trade_no=unpaid)["trade_state"], "CLOSED")


@step("bill")
def _():
    text = pay.tools.download_bill(SIMULATOR["bill_date"].replace("-", ""))
    expect_equal(SIMULATOR["bill_order"] in text, True)


@step("an error")
def _():
    try:
        pay.order.query(out_trade_no="never-ordered")
    except WeChatPayException as error:
        expect_equal(error.errcode, "ORDERNOTEXIST")
    else:
        raise AssertionError("the request succeeded")
