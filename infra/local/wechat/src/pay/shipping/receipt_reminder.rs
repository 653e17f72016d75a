//! `POST /wxa/sec/order/notify_confirm_receive`: WeChat asks the buyer to confirm the receipt. Once, and for express only.
//!
//! Documentation: "Remind to confirm receipt" (确认收货提醒接口).

use serde::Deserialize;
use serde_json::json;

use super::errcodes::{NOT_EXPRESS, NOT_SHIPPED, RECEIVED_TIME, REMINDER_USED};
use super::handle_managed;
use super::query::PaymentName;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::shipping::parcel::LogisticsType;
use crate::pay::service::PayService;

#[derive(Deserialize)]
struct ReminderBody {
    #[serde(flatten)]
    name: PaymentName,
    /// When the parcel was signed for, in unix seconds.
    received_time: Option<u64>,
}

pub(super) fn handle(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle_managed(pay, request, fault, |ReminderBody { name, received_time }| {
        let now = pay.now();
        let mut ledger = pay.ledger();
        let (_, payment) = name.find(pay, &ledger)?;
        let shipment = ledger.shipping.shipment_mut(&payment.transaction_id);
        let shipped = shipment.shipped.filter(|_| shipment.receipt.is_none()).ok_or(NOT_SHIPPED)?;
        if shipment.logistics_type != Some(LogisticsType::Express) {
            return Err(NOT_EXPRESS);
        }
        let received = received_time.ok_or(RECEIVED_TIME)?;
        if received < shipped / SECOND || received > now / SECOND {
            return Err(RECEIVED_TIME);
        }
        if std::mem::replace(&mut shipment.receipt_reminded, true) {
            return Err(REMINDER_USED);
        }
        Ok(json!({}))
    })
}
