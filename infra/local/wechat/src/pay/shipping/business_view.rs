//! `wx.openBusinessView` with `weappOrderConfirm`: the buyer confirms the receipt in WeChat's own page.
//!
//! Documentation: "Confirm receipt component" (确认收货组件). What the mini program gets back is a hint; WeChat's state is the truth.

use serde_json::{Value, json};

use super::query::PaymentName;
use super::run_due;
use crate::core::user::User;
use crate::core::wx_api::{WxArguments, WxFailure, text_argument, user_denies};
use crate::pay::service::PayService;

pub(super) fn open(pay: &PayService, user: &User, arguments: &WxArguments) -> Result<WxArguments, WxFailure> {
    if text_argument(arguments, "businessType")? != "weappOrderConfirm" {
        return Err(WxFailure::parameter("businessType is weappOrderConfirm"));
    }
    let Some(Value::Object(extra)) = arguments.get("extraData") else {
        return Err(WxFailure::parameter("parameter.extraData should be Object"));
    };
    let text = |name: &str| extra.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = match text("transaction_id") {
        id if id.is_empty() => PaymentName::of_order(text("merchant_id"), text("merchant_trade_no")),
        id => PaymentName::of_transaction(id),
    };
    if user_denies(arguments)? {
        return Ok(answer(json!({"status": "cancel"})));
    }
    Ok(answer(match confirm(pay, &name, Some(&user.openid)) {
        Ok(()) => json!({"status": "success"}),
        Err(why) => json!({"status": "fail", "errormsg": why}),
    }))
}

/// The buyer confirms the receipt; `openid` is who does, if that must be checked.
///
/// # Errors
///
/// A sentence that says why there is nothing to confirm.
pub(super) fn confirm(pay: &PayService, name: &PaymentName, openid: Option<&str>) -> Result<(), String> {
    run_due(pay);
    let now = pay.now();
    let mut ledger = pay.ledger();
    let found = name.find(pay, &ledger).ok().filter(|_| ledger.shipping.settings.managed);
    let (order, payment) = found.ok_or("there is no such payment")?;
    if openid.is_some_and(|openid| openid != order.request.openid) {
        return Err("it is another user's payment".to_owned());
    }
    if ledger.is_refunded(&order) {
        return Err("the payment is refunded".to_owned());
    }
    match ledger.shipping.shipment_mut(&payment.transaction_id).confirm_receipt(now) {
        true => Ok(()),
        false => Err("it is not shipped, or its receipt was confirmed before".to_owned()),
    }
}

fn answer(extra_data: Value) -> WxArguments {
    WxArguments::from_iter([("extraData".to_owned(), extra_data)])
}
