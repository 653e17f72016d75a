//! `POST /wxa/sec/order/upload_shipping_info`: the merchant enters what was shipped.
//!
//! Documentation: "Enter shipping information" (发货信息录入接口). The fields are checked in `upload_form.rs`.

use serde_json::json;

use super::errcodes::{
    ALL_SHIPPED, CHANGE_USED, LIST_LONG, NOT_SHIPPABLE, OTHER_PAYER, UNCHANGED, UPLOAD_TIME,
};
use super::upload_form::UploadBody;
use super::{handle_managed, push_events};
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::shipping::OrderState;
use crate::pay::ledger::shipping::shipment::UploadRefusal;
use crate::pay::service::PayService;

pub(super) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle_managed(pay, request, fault, |body: UploadBody| {
        let form = body.check()?;
        let now = pay.now();
        let mut ledger = pay.ledger();
        let (order, payment) = form.payment.find(pay, &ledger)?;
        if form.openid != order.request.openid {
            return Err(OTHER_PAYER);
        }
        if matches!(ledger.order_state(&order, &payment, now), OrderState::Refunded | OrderState::Done) {
            return Err(NOT_SHIPPABLE);
        }
        let entered = ledger.shipping.shipment_mut(&payment.transaction_id).enter(form.upload, now);
        let first = entered.map_err(|refusal| match refusal {
            UploadRefusal::NotLater => UPLOAD_TIME,
            UploadRefusal::AllShipped => ALL_SHIPPED,
            UploadRefusal::ChangeUsed => CHANGE_USED,
            UploadRefusal::Received => NOT_SHIPPABLE,
            UploadRefusal::TooManyParcels => LIST_LONG,
            UploadRefusal::Unchanged => UNCHANGED,
        })?;
        let event = ledger.shipped_event(pay.account(), &order, &payment).filter(|_| first);
        drop(ledger);
        push_events(pay, event);
        Ok(json!({}))
    })
}
