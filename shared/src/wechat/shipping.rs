//! Shipping information: what WeChat wants to know before it releases the money of an order.
//!
//! WeChat: 小程序发货信息管理服务 (`/wxa/sec/order/…`) and the list of courier companies.
//! <https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/order-shipping/order-shipping.html>

use serde_json::{Map, Value, json};

use super::loose_json::whole_number;
use crate::types::{Delivery, OpenId, Parcel, TransactionId, UnixSeconds};

/// What is uploaded about an order: everything that was shipped so far.
pub struct ShippingUpload<'a> {
    /// The payment.
    pub transaction_id: &'a TransactionId,
    /// Who paid it.
    pub openid: &'a OpenId,
    /// How the goods get to the user.
    pub delivery: Delivery,
    /// What was shipped.
    pub packages: &'a [Parcel],
    /// Whether nothing is left to be shipped.
    pub is_all_delivered: bool,
    /// Milliseconds since 1970, later than that of the last upload.
    pub upload_time: u64,
}

impl ShippingUpload<'_> {
    /// The API.
    pub const PATH: &'static str = "/wxa/sec/order/upload_shipping_info";

    /// As WeChat reads it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let is_split = self.packages.len() > 1 || !self.is_all_delivered;
        let packages: Vec<_> = self.packages.iter().map(parcel).collect();
        let mut body = json!({
            "order_key": { "order_number_type": 2, "transaction_id": self.transaction_id.as_str() },
            "logistics_type": self.delivery.logistics_type(),
            "delivery_mode": if is_split { 2 } else { 1 },
            "shipping_list": packages,
            "upload_time": to_upload_time(self.upload_time),
            "payer": { "openid": self.openid.as_str() },
        });
        if let (true, Some(body)) = (is_split, body.as_object_mut()) {
            body.insert("is_all_delivered".to_owned(), self.is_all_delivered.into());
        }
        body
    }
}

fn parcel(parcel: &Parcel) -> Value {
    let mut body = Map::from_iter([("item_desc".to_owned(), json!(parcel.item_desc))]);
    let numbers = [("tracking_no", &parcel.tracking_no), ("express_company", &parcel.express_company)];
    body.extend(
        numbers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))),
    );
    if let Some(contact) = parcel.receiver_contact.as_ref().filter(|contact| !contact.is_empty()) {
        body.insert("contact".to_owned(), json!({ "receiver_contact": contact }));
    }
    Value::Object(body)
}

/// RFC 3339 in UTC+8 with milliseconds, the one form that WeChat takes here.
fn to_upload_time(milliseconds: u64) -> String {
    let seconds = UnixSeconds::new(milliseconds / 1000).to_pay_v3();
    let local = seconds.strip_suffix("+08:00").unwrap_or(&seconds);
    format!("{local}.{:03}+08:00", milliseconds % 1000)
}

/// Where an order stands at WeChat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeState {
    /// Nothing is shipped, or not all.
    ToShip,
    /// Everything is shipped.
    Shipped,
    /// The receipt is confirmed, and the money is not released yet.
    Received,
    /// The money is released.
    Done,
    /// All money went back.
    Refunded,
    /// A number that is not documented.
    Other,
}

/// An order as WeChat knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeOrder {
    /// Where it stands.
    pub state: TradeState,
    /// Who paid it.
    pub openid: Option<OpenId>,
    /// Whether the user complains of it, for which time WeChat keeps the money.
    pub is_in_complaint: bool,
    /// Whether WeChat knows that everything is shipped.
    pub is_all_delivered: bool,
    /// How often everything was reported as shipped: 0, 1, or 2 after the one correction.
    pub finish_count: u64,
    /// How the goods get to the user, if anything was shipped.
    pub logistics_type: Option<u64>,
    /// The courier companies' numbers of the parcels.
    pub tracking_numbers: Vec<String>,
}

impl TradeOrder {
    /// The API that tells an order.
    pub const PATH: &'static str = "/wxa/sec/order/get_order";

    /// The body that asks for the order of a payment.
    #[must_use]
    pub fn request(transaction_id: &TransactionId) -> Value {
        json!({ "transaction_id": transaction_id.as_str() })
    }

    /// Reads the answer; `None` if it has no order.
    #[must_use]
    pub fn read(answer: &Map<String, Value>) -> Option<Self> {
        let order = answer.get("order")?;
        let number = |value: &Value, name: &str| value.get(name).and_then(whole_number);
        let shipping = order.get("shipping").unwrap_or(&Value::Null);
        let finish_count = number(shipping, "finish_shipping_count").unwrap_or(0);
        let parcels = shipping.get("shipping_list").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let tracking_no = |parcel: &Value| {
            parcel.get("tracking_no")?.as_str().filter(|number| !number.is_empty()).map(str::to_owned)
        };
        Some(Self {
            state: match number(order, "order_state")? {
                1 => TradeState::ToShip,
                2 => TradeState::Shipped,
                3 | 6 => TradeState::Received,
                4 => TradeState::Done,
                5 => TradeState::Refunded,
                _ => TradeState::Other,
            },
            openid: order.get("openid").and_then(Value::as_str).and_then(|text| OpenId::parse(text).ok()),
            is_in_complaint: is_true(order.get("in_complaint")),
            is_all_delivered: is_true(shipping.get("finish_shipping")) || finish_count > 0,
            finish_count,
            logistics_type: number(shipping, "logistics_type"),
            tracking_numbers: parcels.iter().filter_map(tracking_no).collect(),
        })
    }

    /// Whether WeChat knows just what the upload says.
    #[must_use]
    pub fn shows(&self, delivery: Delivery, packages: &[Parcel], is_all_delivered: bool) -> bool {
        let mut known: Vec<_> = self.tracking_numbers.iter().map(String::as_str).collect();
        let mut wanted: Vec<_> = packages.iter().filter_map(|parcel| parcel.tracking_no.as_deref()).collect();
        known.sort_unstable();
        wanted.sort_unstable();
        self.logistics_type == Some(delivery.logistics_type().into())
            && known == wanted
            && self.is_all_delivered == is_all_delivered
    }
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is)) => *is,
        Some(value) => whole_number(value).is_some_and(|number| number > 0),
        None => false,
    }
}

/// The API that makes WeChat ask the user to confirm the receipt.
pub const REMINDER_PATH: &str = "/wxa/sec/order/notify_confirm_receive";

/// The body that asks for this reminder. The parcels of the payment were signed for at `received_at`.
#[must_use]
pub fn reminder_request(transaction_id: &TransactionId, received_at: UnixSeconds) -> Value {
    json!({ "transaction_id": transaction_id.as_str(), "received_time": received_at.get() })
}

/// Whether WeChat manages the trade of the mini program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeManagement {
    /// Whether WeChat keeps the money of an order until it is told what was shipped.
    pub is_managed: bool,
    /// Whether the merchant has confirmed that in the console.
    pub is_confirmed: bool,
}

impl TradeManagement {
    /// The API that tells whether the trade is managed.
    pub const MANAGED_PATH: &'static str = "/wxa/sec/order/is_trade_managed";
    /// The API that tells whether the merchant has confirmed it.
    pub const CONFIRMED_PATH: &'static str = "/wxa/sec/order/is_trade_management_confirmation_completed";
    /// The API that sets the page to which WeChat's order messages lead.
    pub const MESSAGE_PATH: &'static str = "/wxa/sec/order/set_msg_jump_path";

    /// Reads both answers.
    #[must_use]
    pub fn read(managed: &Map<String, Value>, confirmed: &Map<String, Value>) -> Self {
        Self {
            is_managed: is_true(managed.get("is_trade_managed")),
            is_confirmed: is_true(confirmed.get("completed")),
        }
    }
}

/// A courier company that WeChat knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressCompany {
    /// WeChat's code, which an upload names.
    pub delivery_id: String,
    /// The name.
    pub name: String,
}

impl ExpressCompany {
    /// The API that lists them.
    pub const PATH: &'static str = "/cgi-bin/express/delivery/open_msg/get_delivery_list";

    /// Reads the answer. A company without a code or a name is left out.
    #[must_use]
    pub fn read_list(answer: &Map<String, Value>) -> Vec<Self> {
        let list = answer.get("delivery_list").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
        list.iter()
            .filter_map(|one| {
                Some(Self { delivery_id: text(one, "delivery_id")?, name: text(one, "delivery_name")? })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(number: Option<&str>) -> Parcel {
        Parcel {
            tracking_no: number.map(str::to_owned),
            express_company: number.map(|_| "SF".to_owned()),
            item_desc: "矿泉水×1".to_owned(),
            receiver_contact: number.map(|_| "189****1234".to_owned()),
        }
    }

    fn upload(packages: &[Parcel], is_all_delivered: bool) -> Value {
        let delivery = if packages.iter().any(|parcel| parcel.tracking_no.is_some()) {
            Delivery::Express
        } else {
            Delivery::Virtual
        };
        ShippingUpload {
            transaction_id: &TransactionId::parse("4200329252049536687864243889").unwrap(),
            openid: &OpenId::parse("o5wQws1FH2FD2uaNtxmrc1jiG4dc").unwrap(),
            delivery,
            packages,
            is_all_delivered,
            upload_time: 1_671_082_175_120,
        }
        .to_json()
    }

    #[test]
    fn the_time_of_an_upload_has_milliseconds_and_a_colon() {
        assert_eq!(to_upload_time(1_671_082_175_120), "2022-12-15T13:29:35.120+08:00");
        assert_eq!(to_upload_time(1_671_082_175_000), "2022-12-15T13:29:35.000+08:00");
    }

    #[test]
    fn one_parcel_is_unified_and_several_are_split() {
        let one = upload(&[parcel(Some("1"))], true);
        assert_eq!(
            one,
            json!({
                "order_key": { "order_number_type": 2, "transaction_id": "4200329252049536687864243889" },
                "logistics_type": 1, "delivery_mode": 1,
                "shipping_list": [{
                    "tracking_no": "1", "express_company": "SF", "item_desc": "矿泉水×1",
                    "contact": { "receiver_contact": "189****1234" },
                }],
                "upload_time": "2022-12-15T13:29:35.120+08:00",
                "payer": { "openid": "o5wQws1FH2FD2uaNtxmrc1jiG4dc" },
            })
        );
        for (packages, is_all) in
            [(vec![parcel(Some("1"))], false), (vec![parcel(Some("1")), parcel(Some("2"))], true)]
        {
            let split = upload(&packages, is_all);
            assert_eq!((&split["delivery_mode"], &split["is_all_delivered"]), (&json!(2), &json!(is_all)));
        }
        let nothing = upload(&[parcel(None)], true);
        assert_eq!(nothing["shipping_list"], json!([{ "item_desc": "矿泉水×1" }]));
        assert_eq!(nothing["logistics_type"], 3);
    }

    #[test]
    fn an_order_shows_what_was_uploaded() {
        let order = json!({ "order": {
            "order_state": 2, "openid": "o5wQws1FH2FD2uaNtxmrc1jiG4dc",
            "shipping": {
                "delivery_mode": 1, "logistics_type": 1, "finish_shipping": true, "finish_shipping_count": 1,
                "shipping_list": [{ "tracking_no": "1", "express_company": "SF" }],
            },
        } });
        let order = TradeOrder::read(order.as_object().unwrap()).unwrap();
        assert_eq!((order.state, order.finish_count), (TradeState::Shipped, 1));
        assert!(order.shows(Delivery::Express, &[parcel(Some("1"))], true));
        assert!(!order.shows(Delivery::Express, &[parcel(Some("2"))], true));
        assert!(!order.shows(Delivery::Express, &[parcel(Some("1"))], false));
        let fresh = json!({ "order": { "order_state": 1, "shipping": {} } });
        let fresh = TradeOrder::read(fresh.as_object().unwrap()).unwrap();
        assert!(!fresh.shows(Delivery::Virtual, &[parcel(None)], true));
        assert!(!fresh.is_all_delivered && fresh.tracking_numbers.is_empty());
    }

    #[test]
    fn a_company_without_a_code_is_left_out() {
        let list = json!({ "delivery_list": [{ "delivery_id": "SF", "delivery_name": "顺丰速运" }, {}], "count": 2 });
        let companies = ExpressCompany::read_list(list.as_object().unwrap());
        assert_eq!(companies, [ExpressCompany { delivery_id: "SF".to_owned(), name: "顺丰速运".to_owned() }]);
    }
}
