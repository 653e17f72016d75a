//! `POST /wxa/sec/order/get_order` and `get_order_list`: a payment with its shipping, and lists of them.
//!
//! Documentation: "Query order shipping status" (查询订单发货状态) and "Query order list" (查询订单列表).

use serde::Deserialize;
use serde_json::{Value, json};

use super::errcodes::{LAST_INDEX, PAYMENT_UNKNOWN};
use super::handle_managed;
use crate::base::platform::Errcode;
use crate::core::clock::SECOND;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::ledger::Ledger;
use crate::pay::ledger::orders::{Order, Payment};
use crate::pay::service::PayService;

/// How a request names a payment.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PaymentName {
    transaction_id: Option<String>,
    merchant_id: Option<String>,
    merchant_trade_no: Option<String>,
}

impl PaymentName {
    /// The name that WeChat Pay's number of a payment is.
    pub(super) fn of_transaction(transaction_id: String) -> Self {
        Self { transaction_id: Some(transaction_id), ..Self::default() }
    }

    /// The name that the merchant's number of an order is.
    pub(super) fn of_order(merchant_id: String, merchant_trade_no: String) -> Self {
        Self {
            transaction_id: None,
            merchant_id: Some(merchant_id),
            merchant_trade_no: Some(merchant_trade_no),
        }
    }

    /// The payment, if the order-shipping management knows it by now.
    pub(super) fn find(&self, pay: &PayService, ledger: &Ledger) -> Result<(Order, Payment), Errcode> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let is_merchant = self.merchant_id.as_deref() == Some(&pay.account().mch_id);
        let order = match (given(&self.transaction_id), given(&self.merchant_trade_no)) {
            (Some(id), _) => ledger.orders.by_transaction(&id),
            (None, Some(number)) if is_merchant => ledger.orders.by_number(&number),
            _ => None,
        };
        let order = order.ok_or(PAYMENT_UNKNOWN)?;
        let payment = order.payment.clone().ok_or(PAYMENT_UNKNOWN)?;
        if !ledger.is_ingested(&payment, pay.now()) {
            return Err(PAYMENT_UNKNOWN);
        }
        Ok((order.clone(), payment))
    }
}

pub(super) fn get_order(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle_managed(pay, request, fault, |name: PaymentName| {
        let ledger = &*pay.ledger();
        let (order, payment) = name.find(pay, ledger)?;
        Ok(json!({"order": order_json(pay, ledger, &order, &payment)}))
    })
}

#[derive(Deserialize)]
struct ListBody {
    pay_time_range: Option<TimeRange>,
    order_state: Option<u8>,
    openid: Option<String>,
    last_index: Option<String>,
    page_size: Option<usize>,
}

#[derive(Deserialize)]
struct TimeRange {
    begin_time: Option<u64>,
    end_time: Option<u64>,
}

pub(super) fn get_order_list(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle_managed(pay, request, fault, |body: ListBody| {
        let after = match body.last_index.as_deref().filter(|index| !index.is_empty()) {
            None => 0,
            Some(index) => index.parse::<usize>().map_err(|_| LAST_INDEX)?,
        };
        let size = body.page_size.filter(|size| *size > 0).unwrap_or(PAGE).min(PAGE);
        let now = pay.now();
        let ledger = &*pay.ledger();
        let is_meant = |(order, payment): &(&Order, &Payment)| {
            let at = payment.at / SECOND;
            let state = ledger.order_state(order, payment, now).number();
            let range = body.pay_time_range.as_ref();
            ledger.is_ingested(payment, now)
                && body.order_state.is_none_or(|wanted| wanted == state)
                && body.openid.as_ref().is_none_or(|openid| *openid == order.request.openid)
                && range.and_then(|range| range.begin_time).is_none_or(|begin| at >= begin)
                && range.and_then(|range| range.end_time).is_none_or(|end| at <= end)
        };
        let paid = ledger.orders.all().iter().enumerate();
        let paid = paid.filter_map(|(index, order)| Some((index, (order, order.payment.as_ref()?))));
        let mut found = paid.filter(|(index, pair)| *index >= after && is_meant(pair));
        let page: Vec<_> = found.by_ref().take(size).collect();
        // The index is of the order after the last one.
        let last_index = page.last().map(|(index, _)| (index + 1).to_string()).unwrap_or_default();
        let list: Vec<Value> =
            page.iter().map(|(_, (order, payment))| order_json(pay, ledger, order, payment)).collect();
        let has_more = found.next().is_some();
        Ok(json!({"order_list": list, "last_index": last_index, "has_more": has_more}))
    })
}

fn order_json(pay: &PayService, ledger: &Ledger, order: &Order, payment: &Payment) -> Value {
    let shipping = match ledger.shipping.shipment(&payment.transaction_id) {
        Some(shipment) if shipment.uploads > 0 => {
            let parcels = shipment.parcels.iter().map(|parcel| {
                json!({
                    "tracking_no": parcel.tracking_no,
                    "express_company": parcel.express_company,
                    "goods_desc": parcel.item_desc,
                    "upload_time": parcel.upload_time,
                    "contact": {"receiver_contact": parcel.contact.clone().unwrap_or_default()},
                })
            });
            json!({
                "delivery_mode": if shipment.split { 2 } else { 1 },
                "logistics_type": shipment.logistics_type.map(|kind| kind.number()),
                "finish_shipping": shipment.finish_count > 0,
                "finish_shipping_count": shipment.finish_count,
                "goods_desc": order.request.description,
                "shipping_list": parcels.collect::<Vec<_>>(),
            })
        }
        _ => json!({}),
    };
    json!({
        "transaction_id": payment.transaction_id,
        "merchant_id": pay.account().mch_id,
        "sub_merchant_id": "",
        "merchant_trade_no": order.request.out_trade_no,
        "description": order.request.description,
        "paid_amount": order.request.total_fee,
        "openid": order.request.openid,
        "trade_create_time": order.created() / SECOND,
        "pay_time": payment.at / SECOND,
        "order_state": ledger.order_state(order, payment, pay.now()).number(),
        "in_complaint": ledger.complaints.is_open(&payment.transaction_id),
        "shipping": shipping,
        "future_field": "新字段",
    })
}

/// How many orders a page has at most.
const PAGE: usize = 100;
