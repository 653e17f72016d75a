//! `POST /cgi-bin/express/delivery/open_msg/get_delivery_list`: the express companies with their ids.
//!
//! Documentation: "Get the list of delivery ids" (获取运力id列表).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::access;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;
use crate::pay::service::PayService;

#[derive(Deserialize)]
struct ListBody {}

pub(super) fn list(pay: &PayService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    access::handle_post(&pay.base().tokens, request, fault, TokenOwner::MiniProgram, |ListBody {}| {
        let list: Vec<Value> =
            COMPANIES.iter().map(|(id, name)| json!({"delivery_id": id, "delivery_name": name})).collect();
        Ok(json!({"count": list.len(), "delivery_list": list}))
    })
}

/// Whether there is an express company with this id.
pub(super) fn is_known(id: &str) -> bool {
    COMPANIES.iter().any(|(known, _)| *known == id)
}

/// The company whose parcels need a phone number.
pub(super) const SF: &str = "SF";

/// Some of the companies that WeChat lists.
const COMPANIES: [(&str, &str); 12] = [
    (SF, "顺丰速运"),
    ("ZTO", "中通快递"),
    ("YTO", "圆通速递"),
    ("YD", "韵达快递"),
    ("STO", "申通快递"),
    ("EMS", "中国邮政速递物流"),
    ("JD", "京东物流"),
    ("DBL", "德邦快递"),
    ("JTSD", "极兔速递"),
    ("YZPY", "邮政快递包裹"),
    ("HTKY", "百世快递"),
    ("ZJS", "宅急送"),
];
