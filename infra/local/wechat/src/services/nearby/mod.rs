//! Nearby places: a mini program is shown to people near its shops. `addnearbypoi`, `getnearbypoilist`, `delnearbypoi`,
//! `setnearbypoishowstatus`.
//!
//! Documentation: "Nearby mini programs" (附近的小程序). Lists and objects in a request are texts of JSON, and so is the list in an
//! answer. A place that is in review has the number 0. The APIs must be called one at a time and a second apart; WeChat does not say
//! what it answers otherwise, here it is 45011.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/nearby-poi/addNearbyPoi.html>

mod place;
mod server;

use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use self::place::Places;
use crate::base::Base;
use crate::base::platform::token_route;
use crate::core::control::bad_request;
use crate::core::exchange::Route;
use crate::core::lock::lock;
use crate::core::service::Service;

/// Keeps the places of the mini program.
pub(crate) struct NearbyService {
    base: Arc<Base>,
    places: Mutex<Places>,
}

impl NearbyService {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self { base: Arc::clone(base), places: Mutex::default() }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        lock(&self.places)
    }
}

impl Service for NearbyService {
    fn server_routes(self: Arc<Self>) -> Vec<Route> {
        vec![
            token_route("/wxa/addnearbypoi", &self, server::add_place),
            token_route("/wxa/getnearbypoilist", &self, server::list_places),
            token_route("/wxa/delnearbypoi", &self, server::delete_place),
            token_route("/wxa/setnearbypoishowstatus", &self, server::show_place),
        ]
    }

    fn control(self: Arc<Self>) -> Router {
        Router::new()
            .route("/nearby_pois", get(list_places))
            .route("/nearby_pois/review", post(review))
            .with_state(self)
    }
}

async fn list_places(State(nearby): State<Arc<NearbyService>>) -> Json<Value> {
    Json(json!({"pois": nearby.places().all()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReviewBody {
    audit_id: String,
    /// Why the place is refused; without it the place passes.
    refuse_reason: Option<String>,
}

/// The review of a place ends.
async fn review(State(nearby): State<Arc<NearbyService>>, body: Bytes) -> Response {
    let ReviewBody { audit_id, refuse_reason } = match serde_json::from_slice(&body) {
        Ok(review) => review,
        Err(error) => return bad_request(&error.to_string()),
    };
    match nearby.places().review(&audit_id, refuse_reason) {
        Some(poi_id) => Json(json!({"poiId": poi_id})).into_response(),
        None => bad_request("no place with this auditId is in review"),
    }
}
