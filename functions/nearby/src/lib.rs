//! `/api/admin/nearby-pois`: an operator adds, lists, shows, hides and deletes the places near which WeChat shows the mini program.
//!
//! WeChat: 附近的小程序 (`addnearbypoi`, `getnearbypoilist`, `delnearbypoi`, `setnearbypoishowstatus`). WeChat takes these calls one at
//! a time and at least a second apart, so all instances share one lease (`shared/src/store/leases.rs`), and no call is repeated. The
//! account must have applied for the API: without the setting `NEARBY_ENABLED` every route answers `NOT_CONFIGURED`. API Gateway has
//! authenticated the operator.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/nearby-poi/addNearbyPoi.html>

mod add;
mod list;
mod refusal;
mod turn;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{
    api::{ApiError, Code, request, response},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::PlatformClient,
    store::{Leases, TokenName},
};

/// Answers operators' requests about nearby places.
pub struct NearbyFunction {
    host: Host,
    /// From `NEARBY_ENABLED`.
    is_enabled: bool,
    leases: Leases,
    platform: PlatformClient,
}

#[derive(Deserialize)]
struct ShowBody {
    /// 1 shows the place, 0 hides it.
    status: Option<u8>,
}

impl Function for NearbyFunction {
    const NAME: &'static str = "nearby";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            is_enabled: host.parsed_var("NEARBY_ENABLED", "true or false", str::parse::<bool>)?,
            leases: Leases::new(host)?,
            platform: PlatformClient::new(host, TokenName::MiniProgram)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        if !self.is_enabled {
            return Err(Code::NotConfigured.into());
        }
        match request::route(&request) {
            "GET /api/admin/nearby-pois" => self.list_pois(&request).await,
            "POST /api/admin/nearby-pois" => self.add_poi(&request).await,
            "DELETE /api/admin/nearby-pois/{poiId}" => self.delete_poi(&request).await,
            "PUT /api/admin/nearby-pois/{poiId}/show" => self.show_poi(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

impl NearbyFunction {
    async fn delete_poi(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        self.call(DELETE, &json!({ "poi_id": poi_id(request)? })).await?;
        Ok(response::success(&Map::new()))
    }

    async fn show_poi(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let poi_id = poi_id(request)?;
        let ShowBody { status } = request::json(request)?;
        let status = request::required("status", status)?;
        if status > 1 {
            return Err(ApiError::invalid("status", "须为 0 或 1"));
        }
        self.call(SHOW, &json!({ "poi_id": poi_id, "status": status })).await?;
        Ok(response::success(&Map::new()))
    }
}

/// The place that the path names.
fn poi_id(request: &Request) -> Result<String, ApiError> {
    let text = request::path(request, "poiId")?;
    if is_poi_id(&text) { Ok(text) } else { Err(Code::NotFound.into()) }
}

/// Whether the text can be WeChat's number of a place. A place that is in review has the number 0, which names no place.
fn is_poi_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) && text != "0"
}

/// A number or a text of WeChat's as a text.
fn as_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

const DELETE: &str = "/wxa/delnearbypoi";
const SHOW: &str = "/wxa/setnearbypoishowstatus";
