//! `GET /api/admin/nearby-pois?page=&pageRows=`: the places, with the state of their reviews.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    runtime::{Body, Request, Response},
    types::BoxError,
};

use crate::{NearbyFunction, as_text};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer {
    /// How many places may still be asked for, and how many in all. WeChat leaves out what it does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_apply_num: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_apply_num: Option<Value>,
    poi_list: Vec<PoiView>,
}

/// A place with WeChat's fields.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PoiView {
    /// `0` while the place is in review.
    #[serde(skip_serializing_if = "Option::is_none")]
    poi_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualification_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualification_num: Option<String>,
    /// 3 in review, 4 refused, 5 passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_status: Option<Value>,
    /// 0 hidden, 1 shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_status: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refuse_reason: Option<String>,
}

/// The list in WeChat's answer, which is JSON in a text.
#[derive(Deserialize)]
struct PoiList {
    #[serde(default)]
    poi_list: Vec<Map<String, Value>>,
}

impl NearbyFunction {
    pub(crate) async fn list_pois(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let page = number(request, "page", 1, 1_000_000)?;
        let page_rows = number(request, "pageRows", 20, 1000)?;
        let answer = self.call(LIST, &json!({ "page": page, "page_rows": page_rows })).await?;
        let list = read(&answer).map_err(|error| ApiError::new(Code::Internal).with_cause(error))?;
        Ok(response::success(&list))
    }
}

fn number(request: &Request, name: &str, default: u32, most: u32) -> Result<u32, ApiError> {
    let text = request::query(request, name);
    let number = text.map_or(Some(default), |text| text.parse().ok());
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| ApiError::invalid(name, &format!("须为 1 到 {most}")))
}

fn read(answer: &Map<String, Value>) -> Result<ListAnswer, BoxError> {
    let data = answer.get("data").ok_or("the answer has no data")?;
    let pois = match data.get("data") {
        Some(Value::String(text)) => serde_json::from_str::<PoiList>(text)?.poi_list,
        Some(list @ Value::Object(_)) => serde_json::from_value::<PoiList>(list.clone())?.poi_list,
        // Without places WeChat may leave the list out.
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return Err("the answer's list is neither a text nor an object".into()),
    };
    let view = |poi: Map<String, Value>| PoiView {
        poi_id: as_text(poi.get("poi_id")),
        qualification_address: as_text(poi.get("qualification_address")),
        qualification_num: as_text(poi.get("qualification_num")),
        audit_status: poi.get("audit_status").cloned(),
        display_status: poi.get("display_status").cloned(),
        refuse_reason: as_text(poi.get("refuse_reason")).filter(|reason| !reason.is_empty()),
    };
    Ok(ListAnswer {
        left_apply_num: data.get("left_apply_num").cloned(),
        max_apply_num: data.get("max_apply_num").cloned(),
        poi_list: pois.into_iter().map(view).collect(),
    })
}

const LIST: &str = "/wxa/getnearbypoilist";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(answer: Value) -> Result<Value, BoxError> {
        let Value::Object(answer) = answer else { panic!("an object") };
        Ok(serde_json::to_value(read(&answer)?)?)
    }

    #[test]
    fn the_list_in_a_text_is_read_with_numbers_in_either_form() {
        let text = r#"{"poi_list":[{"poi_id":485024,"qualification_address":"路 1 号","audit_status":5,"display_status":1,"refuse_reason":""}]}"#;
        let answer = json!({ "data": { "left_apply_num": 9, "max_apply_num": 10, "data": text } });
        let expected = json!({ "leftApplyNum": 9, "maxApplyNum": 10, "poiList": [
            { "poiId": "485024", "qualificationAddress": "路 1 号", "auditStatus": 5, "displayStatus": 1 }] });
        assert_eq!(shown(answer).unwrap(), expected);
    }

    #[test]
    fn an_empty_list_may_be_left_out_and_nonsense_is_an_error() {
        assert_eq!(shown(json!({ "data": {} })).unwrap(), json!({ "poiList": [] }));
        for answer in [json!({}), json!({ "data": { "data": "x" } }), json!({ "data": { "data": 1 } })] {
            assert!(shown(answer.clone()).is_err(), "{answer}");
        }
    }
}
