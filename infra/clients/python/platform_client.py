"""WeChat's open platform with wechatpy: login, encrypted data, messages, codes, cards."""

from wechatpy.client import WeChatClient
from wechatpy.client.api import WeChatCard, WeChatWxa
from wechatpy.crypto import WeChatWxaCrypto
from wechatpy.exceptions import WeChatClientException

from simulator import ACCOUNT, PLATFORM, Steps, control, expect_equal

step = Steps("python wechatpy, platform")
WeChatClient.API_BASE_URL = PLATFORM + "cgi-bin/"
WeChatWxa.API_BASE_URL = WeChatCard.API_BASE_URL = PLATFORM


class Client(WeChatClient):
    """The client, sent to the simulator. The address of the token API is fixed in its code."""

    def _fetch_access_token(self, url, params):
        return super()._fetch_access_token(url.replace("https://api.weixin.qq.com/", PLATFORM), params)


mini = Client(ACCOUNT["app_id"], ACCOUNT["app_secret"])
official = Client(ACCOUNT["official_app_id"], ACCOUNT["official_app_secret"])
user = control("users", {"nickName": "小明"})
session = None


def phone(api, **arguments):
    return control(f"wx/{api}", {"openid": user["openid"], **arguments})


@step("access token")
def _():
    expect_equal(len(mini.access_token) > 100, True)


@step("login")
def _():
    global session
    session = mini.wxa.code_to_session(phone("login")["code"])
    expect_equal(session["openid"], user["openid"])


@step("encrypted data")
def _():
    for api, field, wanted in [("getUserInfo", "nickName", "小明"), ("getPhoneNumber", "phoneNumber", user["phoneNumber"])]:
        encrypted = phone(api)
        crypto = WeChatWxaCrypto(session["session_key"], encrypted["iv"], ACCOUNT["app_id"])
        expect_equal(crypto.decrypt_message(encrypted["encryptedData"])[field], wanted)
    encrypted = phone("getWeRunData")
    crypto = WeChatWxaCrypto(session["session_key"], encrypted["iv"], ACCOUNT["app_id"])
    expect_equal(len(crypto.decrypt_message(encrypted["encryptedData"])["stepInfoList"]), 31)


@step("phone number by its code")
def _():
    answer = mini.post(PLATFORM + "wxa/business/getuserphonenumber", data={"code": phone("getPhoneNumber")["code"]})
    expect_equal(answer["phone_info"]["phoneNumber"], user["phoneNumber"])


@step("subscribe message")
def _():
    template_request = {"tid": "1221", "kidList": [1, 2, 4], "sceneDesc": "付款后"}
    template = mini.post(PLATFORM + "wxaapi/newtmpl/addtemplate", data=template_request)["priTmplId"]
    phone("requestSubscribeMessage", tmplIds=[template])
    data = {"character_string1": {"value": "A1"}, "amount2": {"value": "¥4.00"}, "thing4": {"value": "矿泉水"}}
    mini.wxa.send_subscribe_message(user["openid"], template, data)
    expect_equal(control("messages")["messages"][-1]["openid"], user["openid"])


@step("code of a page")
def _():
    picture = mini.wxa.get_wxa_code_unlimited("a=1", page="pages/index/index")
    expect_equal((picture.headers["Content-Type"], picture.content[:3]), ("image/jpeg", b"\xff\xd8\xff"))


@step("cards")
def _():
    card_id = control("cards", {"title": "代金券"})["card_id"]
    expect_equal(card_id in official.card.batch_get()["card_id_list"], True)
    expect_equal(official.card.get(card_id)["card_type"], "CASH")
    expect_equal(len(official.jsapi.get_jsapi_card_ticket()) > 60, True)


@step("an error")
def _():
    try:
        mini.wxa.code_to_session("never-given")
    except WeChatClientException as error:
        expect_equal(error.errcode, 40029)
    else:
        raise AssertionError("the request succeeded")
