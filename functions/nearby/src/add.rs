//! `POST /api/admin/nearby-pois`: adds a place, or changes the one with the given `poiId`. WeChat reviews it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, request, response},
    runtime::{Body, Request, Response},
};

use crate::{NearbyFunction, as_text, is_poi_id};

/// WeChat's fields of `addnearbypoi`, in camelCase.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddBody {
    store_name: Option<String>,
    contract_phone: Option<String>,
    hour: Option<String>,
    company_name: Option<String>,
    credential: Option<String>,
    address: Option<String>,
    map_poi_id: Option<String>,
    pic_list: Option<Vec<String>>,
    service_infos: Option<Vec<ServiceInfo>>,
    kf_info: Option<CustomerService>,
    /// Media ids of further licences.
    qualification_list: Option<Vec<String>>,
    poi_id: Option<String>,
    card_id: Option<String>,
}

/// A service of the place. WeChat's names are one word each.
#[derive(Deserialize, Serialize)]
struct ServiceInfo {
    id: u32,
    /// 1 for a standard service, 2 for one of the shop's own.
    #[serde(rename = "type")]
    kind: u8,
    name: String,
    appid: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    desc: Option<String>,
}

/// How customer service shows itself.
#[derive(Deserialize, Serialize)]
struct CustomerService {
    #[serde(rename(deserialize = "openKf"))]
    open_kf: bool,
    #[serde(default, rename(deserialize = "kfHeadimg"))]
    kf_headimg: String,
    #[serde(default, rename(deserialize = "kfName"))]
    kf_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddAnswer {
    audit_id: Option<String>,
    /// `0` while the place is in review.
    #[serde(skip_serializing_if = "Option::is_none")]
    poi_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related_credential: Option<String>,
}

impl NearbyFunction {
    pub(crate) async fn add_poi(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let body = parse(request::json(request)?)?;
        let answer = self.call(ADD, &body).await?;
        let data = answer.get("data");
        let text = |name| as_text(data.and_then(|data| data.get(name)));
        Ok(response::success(&AddAnswer {
            audit_id: text("audit_id"),
            poi_id: text("poi_id"),
            related_credential: text("related_credential"),
        }))
    }
}

/// The body for WeChat, in which lists and objects are texts of JSON.
fn parse(body: AddBody) -> Result<Value, ApiError> {
    let pictures = request::required("picList", body.pic_list)?;
    if !(1..=9).contains(&pictures.len())
        || !pictures.iter().all(|url| url.starts_with("https://") || url.starts_with("http://"))
    {
        return Err(ApiError::invalid("picList", "须为 1 到 9 个图片网址"));
    }
    let services = request::required("serviceInfos", body.service_infos)?;
    for (index, service) in services.iter().enumerate() {
        let field = |name| format!("serviceInfos[{index}].{name}");
        if !(1..=2).contains(&service.kind) {
            return Err(ApiError::invalid(&field("type"), "须为 1 或 2"));
        }
        if service.desc.as_ref().is_some_and(|desc| desc.chars().count() > 10) {
            return Err(ApiError::invalid(&field("desc"), "不能超过 10 个字"));
        }
    }
    let customer_service = body.kf_info.unwrap_or(CustomerService {
        open_kf: false,
        kf_headimg: String::new(),
        kf_name: String::new(),
    });
    let poi_id = body.poi_id.unwrap_or_default();
    if !poi_id.is_empty() && !is_poi_id(&poi_id) {
        return Err(ApiError::invalid("poiId", "格式不正确"));
    }
    let mut fields = Map::from_iter([
        ("is_comm_nearby".to_owned(), json!("1")),
        ("kf_info".to_owned(), json!(json!(customer_service).to_string())),
        ("pic_list".to_owned(), json!(json!({ "list": pictures }).to_string())),
        ("service_infos".to_owned(), json!(json!({ "service_infos": services }).to_string())),
        ("hour".to_owned(), json!(hour(request::required("hour", body.hour)?)?)),
        ("credential".to_owned(), json!(credential(request::required("credential", body.credential)?)?)),
        ("poi_id".to_owned(), json!(poi_id)),
    ]);
    for (field, name, value) in [
        ("store_name", "storeName", body.store_name),
        ("contract_phone", "contractPhone", body.contract_phone),
        ("company_name", "companyName", body.company_name),
        ("address", "address", body.address),
        ("map_poi_id", "mapPoiId", body.map_poi_id),
    ] {
        let value = request::required(name, value)?;
        if value.trim().is_empty() || value.chars().count() > MAX_TEXT || value.contains(char::is_control) {
            return Err(ApiError::invalid(name, "须为 1 到 200 个字"));
        }
        fields.insert(field.to_owned(), json!(value));
    }
    if let Some(media) = body.qualification_list {
        fields.insert("qualification_list".to_owned(), json!(media));
    }
    if let Some(card_id) = body.card_id {
        fields.insert("card_id".to_owned(), json!(card_id));
    }
    Ok(Value::Object(fields))
}

/// Opening hours, `00:00-11:11`.
fn hour(text: String) -> Result<String, ApiError> {
    let time = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let number =
            |text: &str, most: u8| text.parse().ok().filter(|number: &u8| text.len() == 2 && *number < most);
        Some((number(hours, 24)?, number(minutes, 60)?))
    };
    match text.split_once('-').map(|(from, to)| (time(from), time(to))) {
        Some((Some(_), Some(_))) => Ok(text),
        _ => Err(ApiError::invalid("hour", "须如 09:00-21:30")),
    }
}

/// The number of a business licence: 15 digits, the 18 characters of the unified code, or the 9 of an organisation's code.
fn credential(text: String) -> Result<String, ApiError> {
    let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    if [9, 10, 15, 18].contains(&text.len()) && text.bytes().all(is_code) {
        Ok(text)
    } else {
        Err(ApiError::invalid("credential", "须为营业执照或组织机构代码"))
    }
}

const ADD: &str = "/wxa/addnearbypoi";
/// Characters of a text. WeChat states no limits and refuses what is too long.
const MAX_TEXT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Value {
        json!({
            "storeName": "小店", "contractPhone": "020-12345678", "hour": "09:00-21:30", "companyName": "小店有限公司",
            "credential": "156718193518281", "address": "新港中路 397 号", "mapPoiId": "5938314494307741153",
            "picList": ["https://a.example/1.jpg"],
            "serviceInfos": [{ "id": 2, "type": 1, "name": "快递", "appid": "wx1373169e494e0c39", "path": "index" }],
        })
    }

    fn read(place: Value) -> Result<Value, ApiError> {
        parse(serde_json::from_value(place).unwrap())
    }

    #[test]
    fn lists_and_objects_are_texts_of_json_for_wechat() {
        let body = read(place()).unwrap();
        for (field, text) in [
            ("is_comm_nearby", "1"),
            ("pic_list", r#"{"list":["https://a.example/1.jpg"]}"#),
            ("kf_info", r#"{"kf_headimg":"","kf_name":"","open_kf":false}"#),
            ("poi_id", ""),
            ("store_name", "小店"),
        ] {
            assert_eq!(body[field], text, "{field}");
        }
        let services: Value = serde_json::from_str(body["service_infos"].as_str().unwrap()).unwrap();
        assert_eq!(services["service_infos"], place()["serviceInfos"]);
        assert_eq!(body.get("card_id"), None);
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (field, wrong) in [
            ("storeName", json!("")),
            ("address", json!("a\nb")),
            ("hour", json!("9:00-21:00")),
            ("hour", json!("24:00-25:00")),
            ("credential", json!("123")),
            ("picList", json!([])),
            ("picList", json!(["a.jpg"])),
            ("poiId", json!("x")),
            ("mapPoiId", Value::Null),
        ] {
            let mut place = place();
            place[field] = wrong.clone();
            let error = read(place).unwrap_err();
            assert!(
                error.message().starts_with(&format!("参数有误：{field} ")),
                "{field} {wrong}: {error:?}"
            );
        }
        let mut long = place();
        long["serviceInfos"][0]["desc"] = json!("一二三四五六七八九十一");
        assert!(read(long).unwrap_err().message().contains("serviceInfos[0].desc"));
    }
}
