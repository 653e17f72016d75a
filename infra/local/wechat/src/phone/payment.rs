//! `wx.requestPayment` of Pay v2: the phone checks what the server signed, the user says yes, the money
//! moves, WeChat Pay notifies.
//!
//! Documentation: "wx.requestPayment" and "Invoke payment" (小程序调起支付API) of Pay v2. Five fields are signed:
//! `appId` (which is not passed), `nonceStr`, `package`, `signType`, `timeStamp`.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=7_7>

use serde_json::Value;

use super::{Arguments, Failure, text};
use crate::delivery;
use crate::pay::v2::envelope::own;
use crate::pay::v2::{notice, sign};
use crate::pay::{NotPayable, SignType};
use crate::users::User;
use crate::wechat::WeChat;

pub(super) fn request_payment(
    wechat: &WeChat,
    user: &User,
    arguments: &Arguments,
) -> Result<Arguments, Failure> {
    let prepay_id = check_arguments(wechat, user, arguments)?;
    match arguments.get("userChoice").map(Value::as_str) {
        None | Some(Some("pay")) => {}
        Some(Some("cancel")) => return Err(Failure { err_code: CANCELLED, ..Failure::new("cancel") }),
        Some(_) => return Err(Failure::parameter("userChoice is \"pay\" or \"cancel\"")),
    }
    let now = wechat.now();
    let paid = wechat.state().orders.pay(prepay_id, now);
    let order = paid.ok_or_else(unknown_prepay)?.map_err(not_payable)?;
    delivery::send(wechat, notice::delivery(&order, wechat.account()));
    Ok(Arguments::new())
}

/// The `prepay_id`, if the phone would show the cashier for it.
fn check_arguments<'a>(wechat: &WeChat, user: &User, arguments: &'a Arguments) -> Result<&'a str, Failure> {
    let time_stamp = text(arguments, "timeStamp")?;
    let nonce_str = text(arguments, "nonceStr")?;
    let package = text(arguments, "package")?;
    let pay_sign = text(arguments, "paySign")?;
    let sign_type = match arguments.get("signType") {
        None => SignType::Md5,
        Some(_) => SignType::parse(text(arguments, "signType")?)
            .ok_or_else(|| Failure::parameter("signType is MD5 or HMAC-SHA256"))?,
    };
    if time_stamp.len() != 10 || !time_stamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Failure::parameter("timeStamp is a string of unix seconds"));
    }
    if nonce_str.is_empty() || nonce_str.len() > 32 {
        return Err(Failure::parameter("nonceStr has 1 to 32 characters"));
    }
    let prepay_id = package
        .strip_prefix("prepay_id=")
        .ok_or_else(|| Failure::parameter("package is prepay_id=<prepay_id>"))?;

    let signed = own(&[
        ("appId", &wechat.account().app_id),
        ("timeStamp", time_stamp),
        ("nonceStr", nonce_str),
        ("package", package),
        ("signType", sign_type.as_str()),
    ]);
    if sign::sign(&signed, sign_type, &wechat.account().api_v2_key) != pay_sign {
        return Err(Failure::new("支付验证签名失败"));
    }

    let now = wechat.now();
    let state = &*wechat.state();
    let order = state.orders.by_prepay(prepay_id).ok_or_else(unknown_prepay)?;
    if order.order.sign_type != sign_type {
        return Err(Failure::new("支付验证签名失败: signType is not the order's sign_type"));
    }
    if order.order.openid != user.openid {
        return Err(Failure::new("下单账号与支付账号不一致，请核实后再支付"));
    }
    state.orders.payable(prepay_id, now).ok_or_else(unknown_prepay)?.map_err(not_payable)?;
    Ok(prepay_id)
}

fn unknown_prepay() -> Failure {
    Failure::new("调用支付JSAPI缺少参数：total_fee (unknown prepay_id)")
}

fn not_payable(reason: NotPayable) -> Failure {
    Failure::new(match reason {
        NotPayable::Paid => "该订单已支付",
        NotPayable::Closed => "该订单已关闭",
        NotPayable::Expired => "该订单已过期 (time_expire)",
        NotPayable::PrepayExpired => "该订单已过期 (prepay_id)",
    })
}

/// The user closed the cashier.
const CANCELLED: i64 = -2;
