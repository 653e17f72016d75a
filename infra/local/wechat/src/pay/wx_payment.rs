//! `wx.requestPayment`: the phone verifies the server's signature, the user agrees, the order is paid, and WeChat Pay sends the
//! notice.
//!
//! Documentation: "wx.requestPayment" and "Invoke payment" (小程序调起支付API) of Pay v2 and v3. In v2 the server signs five fields:
//! `appId` (which is not passed to `wx`), `nonceStr`, `package`, `signType`, `timeStamp`. In v3 `signType` is RSA, and the server
//! signs four lines with the merchant's private key: appId, timeStamp, nonceStr, package.
//!
//! A mini program that leaves too much unshipped lets nobody pay.
//!
//! An order can be paid only with the version and signature type that made it.
//!
//! <https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=7_7>

use serde_json::Value;

use crate::core::keys::KeyPair;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, text_argument};
use crate::pay::ledger::orders::PaymentRefusal;
use crate::pay::ledger::shipping::REMIND_AFTER;
use crate::pay::ledger::shipping::settings::ShippingSettings;
use crate::pay::service::PayService;
use crate::pay::v2::fields_from;
use crate::pay::v2::{self, sign};
use crate::pay::v3;
use crate::pay::version::{ApiVersion, SignType};

pub(super) fn request_payment(
    pay: &PayService,
    user: &User,
    arguments: &WxArguments,
) -> Result<WxArguments, WxFailure> {
    let prepay_id = check_arguments(pay, user, arguments)?;
    match arguments.get("userChoice").map(Value::as_str) {
        None | Some(Some("pay")) => {}
        Some(Some("cancel")) => return Err(WxFailure { err_code: CANCELLED, ..WxFailure::new("cancel") }),
        Some(_) => return Err(WxFailure::parameter("userChoice is \"pay\" or \"cancel\"")),
    }
    let now = pay.now();
    let paid = {
        let mut ledger = pay.ledger();
        ledger.shipping.expect_due(now.saturating_add(REMIND_AFTER));
        ledger.orders.pay_order(prepay_id, now)
    };
    let order = paid.ok_or_else(unknown_prepay)?.map_err(not_payable)?;
    let notice = match order.request.version {
        ApiVersion::V2(sign_type) => v2::notice::payment_notice(&order, sign_type, pay.account()),
        ApiVersion::V3 => v3::notice::payment_notice(pay, &order, now),
    };
    pay.notices().send(notice);
    Ok(WxArguments::new())
}

/// Checks the arguments as the phone does before it shows the payment dialog; returns the `prepay_id`.
fn check_arguments<'a>(
    pay: &PayService,
    user: &User,
    arguments: &'a WxArguments,
) -> Result<&'a str, WxFailure> {
    let time_stamp = text_argument(arguments, "timeStamp")?;
    let nonce_str = text_argument(arguments, "nonceStr")?;
    let package = text_argument(arguments, "package")?;
    let pay_sign = text_argument(arguments, "paySign")?;
    let version = match arguments.get("signType") {
        None => ApiVersion::V2(SignType::Md5),
        Some(_) => ApiVersion::of_sign_type(text_argument(arguments, "signType")?)
            .ok_or_else(|| WxFailure::parameter("signType is MD5, HMAC-SHA256 or RSA"))?,
    };
    if time_stamp.len() != 10 || !time_stamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WxFailure::parameter("timeStamp is a string of unix seconds"));
    }
    if nonce_str.is_empty() || nonce_str.len() > 32 {
        return Err(WxFailure::parameter("nonceStr has 1 to 32 characters"));
    }
    let prepay_id = package
        .strip_prefix("prepay_id=")
        .ok_or_else(|| WxFailure::parameter("package is prepay_id=<prepay_id>"))?;

    let signed = PaySignFields { app_id: &pay.account().app_id, time_stamp, nonce_str, package };
    let is_good = match version {
        ApiVersion::V2(sign_type) => signed.v2(sign_type, &pay.account().api_v2_key) == pay_sign,
        ApiVersion::V3 => pay.merchant_key().is_some_and(|key| signed.is_v3(key, pay_sign)),
    };
    if !is_good {
        return Err(WxFailure::new("支付验证签名失败"));
    }

    let now = pay.now();
    let ledger = &*pay.ledger();
    let ShippingSettings { managed, unshipped_limit, .. } = ledger.shipping.settings;
    if managed && unshipped_limit.is_some_and(|limit| ledger.unshipped(now) >= limit) {
        return Err(WxFailure::new("no permission"));
    }
    let order = ledger.orders.by_prepay(prepay_id).ok_or_else(unknown_prepay)?;
    if order.request.version != version {
        let wanted = order.request.version.sign_type();
        return Err(WxFailure::new(format!("支付验证签名失败: the order's signType is {wanted}")));
    }
    if order.request.openid != user.openid {
        return Err(WxFailure::new("下单账号与支付账号不一致，请核实后再支付"));
    }
    ledger.orders.check_payable(prepay_id, now).ok_or_else(unknown_prepay)?.map_err(not_payable)?;
    Ok(prepay_id)
}

/// The values that the server signed.
struct PaySignFields<'a> {
    app_id: &'a str,
    time_stamp: &'a str,
    nonce_str: &'a str,
    package: &'a str,
}

impl PaySignFields<'_> {
    /// `paySign` of Pay v2.
    fn v2(&self, sign_type: SignType, key: &str) -> String {
        let fields = fields_from(&[
            ("appId", self.app_id),
            ("timeStamp", self.time_stamp),
            ("nonceStr", self.nonce_str),
            ("package", self.package),
            ("signType", sign_type.as_str()),
        ]);
        sign::sign(&fields, sign_type, key)
    }

    /// Whether this is `paySign` of Pay v3.
    fn is_v3(&self, key: &KeyPair, pay_sign: &str) -> bool {
        let Self { app_id, time_stamp, nonce_str, package } = self;
        key.verify(format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n").as_bytes(), pay_sign)
    }
}

fn unknown_prepay() -> WxFailure {
    WxFailure::new("调用支付JSAPI缺少参数：total_fee (unknown prepay_id)")
}

fn not_payable(reason: PaymentRefusal) -> WxFailure {
    WxFailure::new(match reason {
        PaymentRefusal::Paid => "该订单已支付",
        PaymentRefusal::Closed => "该订单已关闭",
        PaymentRefusal::Expired => "该订单已过期 (time_expire)",
        PaymentRefusal::PrepayExpired => "该订单已过期 (prepay_id)",
    })
}

/// The `err_code` if the user closes the payment dialog.
const CANCELLED: i64 = -2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pay::v3::vectors;

    #[test]
    fn the_known_arguments_have_the_known_rsa_signature() {
        let signed = PaySignFields {
            app_id: "wx95e6095a537e33b4",
            time_stamp: "1700000000",
            nonce_str: "6Zku3M0P5L94XBubJuGMkzmLljENHfYZ",
            package: "prepay_id=wx150613205c85e9afe3e93f2706414dcc10",
        };
        let key = vectors::merchant_key();
        assert!(signed.is_v3(&key, vectors::PAY_SIGN));
        assert!(!PaySignFields { time_stamp: "1700000001", ..signed }.is_v3(&key, vectors::PAY_SIGN));
    }
}
