//! `POST /api/orders/{orderId}/ship`: staff say what is shipped.
//!
//! While `isAllDelivered` is false, each call adds parcels. After that, one more call corrects what was said, because WeChat allows one
//! correction.

use serde::{Deserialize, Serialize};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    store::{Order, ShipOrder, ShipOutcome, Shipping},
    types::{Delivery, OrderId, Parcel, masked_contact},
};

use crate::{ShippingFunction, view::OrderView};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShipBody {
    logistics_type: Option<u8>,
    packages: Option<Vec<PackageBody>>,
    is_all_delivered: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageBody {
    tracking_no: Option<String>,
    express_company: Option<String>,
    item_desc: Option<String>,
    receiver_contact: Option<String>,
}

#[derive(Serialize)]
struct OrderAnswer {
    order: OrderView,
}

impl ShippingFunction {
    pub(crate) async fn ship_order(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(request).await?;
        let order = match OrderId::parse(&request::path(request, "orderId")?) {
            Ok(order_id) => self.staff.authorize_with_order(&caller, order_id).await?,
            Err(_) => self.staff.authorize(&caller).await.map(|_| None)?,
        };
        let order = order.ok_or(Code::NotFound)?;
        let new = parse(request::json(request)?)?;
        let new = self.completed(new, &order).await;
        // WeChat takes no parcel of SF Express without a number, and its refusal would come after this answer.
        let is_of_sf = |parcel: &Parcel| parcel.express_company.as_deref() == Some(SF_EXPRESS);
        if new.packages.iter().any(|parcel| is_of_sf(parcel) && parcel.receiver_contact.is_none()) {
            return Err(ApiError::invalid("receiverContact", "顺丰须填写收件人手机号"));
        }
        match self.orders.ship(&order, &new).await? {
            ShipOutcome::Shipped(order) => {
                Ok(response::success(&OrderAnswer { order: self.view(*order).await }))
            }
            ShipOutcome::NotPaid => Err(ApiError::new(Code::Conflict).with_message("订单未支付或正在退款")),
            ShipOutcome::TooLate => Err(ApiError::new(Code::Conflict).with_message("发货信息已不能修改")),
            ShipOutcome::TooManyPackages => {
                Err(ApiError::new(Code::Conflict).with_message("包裹太多，或与之前的发货方式不同"))
            }
        }
    }
}

impl ShippingFunction {
    /// With what staff need not say: the goods, and the receiver's number, which is in the order's address.
    async fn completed(&self, new: ShipOrder, order: &Order) -> ShipOrder {
        let ShipOrder { delivery, mut packages, is_all_delivered } = new;
        if packages.is_empty() {
            let item_desc = order.goods();
            packages.push(Parcel {
                tracking_no: None,
                express_company: None,
                item_desc,
                receiver_contact: None,
            });
        }
        if delivery == Delivery::Express && packages.iter().any(|parcel| parcel.receiver_contact.is_none()) {
            let address = self.details.open(order).await.address;
            let contact = address.and_then(|address| masked_contact(&address.tel_number));
            for parcel in &mut packages {
                parcel.receiver_contact = parcel.receiver_contact.take().or_else(|| contact.clone());
            }
        }
        ShipOrder { delivery, packages, is_all_delivered }
    }
}

fn parse(body: ShipBody) -> Result<ShipOrder, ApiError> {
    let delivery = Delivery::of_logistics_type(request::required("logisticsType", body.logistics_type)?)
        .ok_or_else(|| ApiError::invalid("logisticsType", "须为 1 到 4"))?;
    let packages = body.packages.unwrap_or_default();
    let is_express = delivery == Delivery::Express;
    let most = if is_express { Shipping::MAX_PACKAGES } else { 1 };
    if packages.len() > most || (is_express && packages.is_empty()) {
        return Err(ApiError::invalid("packages", "快递须为 1 到 10 个，其他方式至多 1 个"));
    }
    let is_all_delivered = body.is_all_delivered.unwrap_or(true);
    if !is_all_delivered && !is_express {
        return Err(ApiError::invalid("isAllDelivered", "只有快递可以分批发货"));
    }
    let packages = packages.into_iter().map(|package| parse_package(package, is_express));
    let packages: Vec<_> = packages.collect::<Result<_, _>>()?;
    let mut numbers: Vec<_> = packages.iter().filter_map(|parcel| parcel.tracking_no.as_deref()).collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|two| two.first() == two.last()) {
        return Err(ApiError::invalid("trackingNo", "不能重复"));
    }
    Ok(ShipOrder { delivery, packages, is_all_delivered })
}

fn parse_package(package: PackageBody, is_express: bool) -> Result<Parcel, ApiError> {
    let number = |name, text: Option<String>| match (is_express, text) {
        (true, text) => {
            let text = request::required(name, text)?;
            let is_valid =
                (1..=MAX_NUMBER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
            is_valid
                .then_some(Some(text))
                .ok_or_else(|| ApiError::invalid(name, "须为 1 到 128 个字母或数字"))
        }
        (false, None) => Ok(None),
        (false, Some(_)) => Err(ApiError::invalid(name, "只用于快递")),
    };
    let item_desc = request::required("itemDesc", package.item_desc)?;
    let item_desc = item_desc.trim();
    if !(1..=MAX_DESC).contains(&item_desc.chars().count()) || item_desc.contains(char::is_control) {
        return Err(ApiError::invalid("itemDesc", "须为 1 到 120 个字"));
    }
    let contact = package.receiver_contact.map(|phone| {
        masked_contact(&phone).ok_or_else(|| ApiError::invalid("receiverContact", "须为手机号"))
    });
    Ok(Parcel {
        tracking_no: number("trackingNo", package.tracking_no)?,
        express_company: number("expressCompany", package.express_company)?,
        item_desc: item_desc.to_owned(),
        receiver_contact: contact.transpose()?,
    })
}

/// WeChat's code of SF Express (顺丰速运).
const SF_EXPRESS: &str = "SF";
/// Characters of a description.
const MAX_DESC: usize = 120;
/// Bytes of a parcel's number, and of a company's code.
const MAX_NUMBER: usize = 128;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<ShipOrder, ApiError> {
        parse(serde_json::from_value(body).unwrap())
    }

    fn package() -> Value {
        json!({ "trackingNo": "SF1", "expressCompany": "SF", "itemDesc": "水", "receiverContact": "18912341234" })
    }

    #[test]
    fn a_parcel_keeps_a_masked_phone_number_only() {
        let new = read(json!({ "logisticsType": 1, "packages": [package()] })).unwrap();
        assert!(new.is_all_delivered);
        assert_eq!(new.packages[0].receiver_contact.as_deref(), Some("189****1234"));
    }

    #[test]
    fn goods_without_a_courier_need_no_parcel() {
        for number in 2..=4 {
            assert!(read(json!({ "logisticsType": number })).unwrap().packages.is_empty());
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let with = |name: &str, value: Value| {
            let mut package = package();
            package[name] = value;
            json!({ "logisticsType": 1, "packages": [package] })
        };
        for (body, field) in [
            (json!({}), "logisticsType"),
            (json!({ "logisticsType": 5 }), "logisticsType"),
            (json!({ "logisticsType": 1 }), "packages"),
            (json!({ "logisticsType": 1, "packages": vec![package(); 11] }), "packages"),
            (json!({ "logisticsType": 1, "packages": vec![package(); 2] }), "trackingNo"),
            (json!({ "logisticsType": 3, "packages": [package()] }), "trackingNo"),
            (json!({ "logisticsType": 3, "isAllDelivered": false }), "isAllDelivered"),
            (with("trackingNo", json!("")), "trackingNo"),
            (with("expressCompany", json!(null)), "expressCompany"),
            (with("itemDesc", json!(" ")), "itemDesc"),
            (with("receiverContact", json!("x")), "receiverContact"),
        ] {
            let error = read(body.clone()).unwrap_err();
            assert!(error.message().contains(field), "{body}: {error:?}");
        }
    }
}
