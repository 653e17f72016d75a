//! The four server APIs of nearby places.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::NearbyService;
use super::place::{MAX_PLACES, NewPlace};
use crate::base::access;
use crate::base::platform::Errcode;
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse};
use crate::core::faults::Fault;

#[derive(Deserialize)]
struct AddBody {
    is_comm_nearby: Option<String>,
    kf_info: Option<String>,
    pic_list: Option<String>,
    service_infos: Option<String>,
    store_name: Option<String>,
    contract_phone: Option<String>,
    hour: Option<String>,
    company_name: Option<String>,
    credential: Option<String>,
    address: Option<String>,
    map_poi_id: Option<String>,
    poi_id: Option<String>,
}

#[derive(Deserialize)]
struct Pictures {
    list: Vec<String>,
}

#[derive(Deserialize)]
struct Services {
    service_infos: Vec<ServiceInfo>,
}

#[derive(Deserialize)]
struct ServiceInfo {
    #[serde(rename = "type")]
    kind: u8,
    name: String,
    appid: String,
    path: String,
}

#[derive(Deserialize)]
struct CustomerService {
    open_kf: bool,
    kf_name: String,
}

#[derive(Deserialize)]
struct ListBody {
    page: Option<usize>,
    page_rows: Option<usize>,
}

#[derive(Deserialize)]
struct PlaceBody {
    poi_id: Option<String>,
    status: Option<u8>,
}

pub(super) fn add_place(nearby: &NearbyService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle(nearby, request, fault, |body: AddBody| {
        let new = check(body).ok_or(BAD_ARGUMENTS)?;
        let (audit_id, poi_id) = nearby.places().put(new)?;
        Ok(json!({"data": {"audit_id": audit_id, "poi_id": poi_id, "related_credential": ""}}))
    })
}

pub(super) fn list_places(
    nearby: &NearbyService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    handle(nearby, request, fault, |ListBody { page, page_rows }| {
        let page = page.filter(|page| *page >= 1).ok_or(BAD_ARGUMENTS)?;
        let rows = page_rows.filter(|rows| (1..=1000).contains(rows)).ok_or(BAD_ARGUMENTS)?;
        let places = nearby.places();
        let shown: Vec<_> = places.all().iter().skip((page - 1).saturating_mul(rows)).take(rows).collect();
        let list = json!({ "poi_list": shown }).to_string();
        Ok(json!({"data": {"left_apply_num": places.left(), "max_apply_num": MAX_PLACES, "data": list}}))
    })
}

pub(super) fn delete_place(
    nearby: &NearbyService,
    request: &ApiRequest,
    fault: Option<&Fault>,
) -> ApiResponse {
    handle(nearby, request, fault, |body: PlaceBody| {
        nearby.places().delete(&body.poi_id.ok_or(BAD_ARGUMENTS)?)?;
        Ok(json!({}))
    })
}

pub(super) fn show_place(nearby: &NearbyService, request: &ApiRequest, fault: Option<&Fault>) -> ApiResponse {
    handle(nearby, request, fault, |body: PlaceBody| {
        let status = body.status.filter(|status| *status <= 1).ok_or(BAD_ARGUMENTS)?;
        nearby.places().show(&body.poi_id.ok_or(BAD_ARGUMENTS)?, status)?;
        Ok(json!({}))
    })
}

/// Handles a call that comes a second after the one before.
fn handle<B: DeserializeOwned>(
    nearby: &NearbyService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    answer: impl FnOnce(B) -> Result<Value, Errcode>,
) -> ApiResponse {
    access::handle_post(&nearby.base.tokens, request, fault, TokenOwner::MiniProgram, |body| {
        nearby.places().count_call(nearby.base.now())?;
        answer(body)
    })
}

/// The place, if every field is as the documentation says.
fn check(body: AddBody) -> Option<NewPlace> {
    let text = |field: Option<String>| field.filter(|text| !text.is_empty());
    let customer_service: CustomerService = serde_json::from_str(&body.kf_info?).ok()?;
    let pictures: Pictures = serde_json::from_str(&body.pic_list?).ok()?;
    let services: Services = serde_json::from_str(&body.service_infos?).ok()?;
    let is_service = |service: &ServiceInfo| {
        (1..=2).contains(&service.kind)
            && ![&service.name, &service.appid, &service.path].iter().any(|text| text.is_empty())
    };
    for required in [body.store_name, body.contract_phone, body.hour, body.company_name, body.map_poi_id] {
        text(required)?;
    }
    let is_valid = body.is_comm_nearby? == "1"
        && (1..=9).contains(&pictures.list.len())
        && services.service_infos.iter().all(is_service)
        && (!customer_service.open_kf || !customer_service.kf_name.is_empty());
    is_valid.then_some(())?;
    Some(NewPlace {
        poi_id: body.poi_id.unwrap_or_default(),
        address: text(body.address)?,
        credential: text(body.credential)?,
    })
}

const BAD_ARGUMENTS: Errcode = Errcode::new(20002, "args error");
