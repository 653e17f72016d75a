//! What the token of an erased user still opens, route by route.

use std::collections::BTreeMap;

use e2e::{Phone, Response, World};
use local_template::RouteAuth;
use serde_json::{Value, json};

use crate::{
    card::{CASH, MEMBER, add, have, offer},
    user_erase::{PATH, fill_in_member_card, first_pass, last_pass, profile_body, signed_challenge, tables},
};

/// A request of a void token to each route of users.
struct VoidWalk {
    bodies: BTreeMap<&'static str, Value>,
    order_id: String,
}

/// The token is void.
const REFUSED: &str = "401 UNAUTHORIZED";
/// The same, where the keys of the session at WeChat are needed.
const NEEDS_LOGIN: &str = "401 SESSION_EXPIRED";
/// Routes that work until the token ends, because nothing of the person is read or kept.
const GO_ON: [(&str, &str); 6] = [
    ("GET /api/products", "200 OK"),
    ("POST /api/record-share", "200 OK"),
    ("GET /api/cards/member/activation", "200 OK"),
    ("POST /api/security/text", "200 OK"),
    ("POST /api/uploads", "200 OK"),
    ("POST /api/wxacode/unlimited", "200"),
];
/// Lists, which are read by one query. Until the first pass has run, they show what is still there.
const LISTS: [&str; 4] = ["GET /api/cards", "GET /api/orders", "GET /api/subscribe", "GET /api/user/cards"];

impl VoidWalk {
    /// What a phone can only get before the erasure.
    async fn prepare(phone: &Phone<'_>) -> Self {
        let steps = phone.wx("getWeRunData", json!({})).await.json();
        let encrypted = json!({ "encryptedData": steps["encryptedData"], "iv": steps["iv"] });
        let (order_id, out_trade_no) = phone.order().await;
        let water = json!({ "productId": "water", "quantity": 1 });
        have(phone, CASH).await;
        phone.accept_messages("old", 1).await;
        let bodies = BTreeMap::from([
            ("POST /api/user/profile", profile_body(phone).await),
            ("PUT /api/user/profile", json!({ "nickName": "小明" })),
            ("POST /api/werun/decrypt", encrypted),
            ("POST /api/orders", water),
            ("POST /api/orders/{orderId}/cancel", json!({})),
            ("POST /api/orders/{orderId}/refund-request", json!({ "reason": "不想要了" })),
            ("POST /api/pay/unified-order", json!({ "outTradeNo": out_trade_no })),
            ("POST /api/subscribe", json!({ "tmplIds": ["paid"] })),
            ("POST /api/soter/challenge", json!({ "purpose": "pay" })),
            ("POST /api/verify-fingerprint", signed_challenge(phone).await),
            ("POST /api/cards/report", add(phone, &offer(phone, CASH).await).await),
            ("POST /api/cards/verify", json!({ "code": "123456789012" })),
            ("POST /api/cards/member/activate", fill_in_member_card(phone).await),
            ("POST /api/record-share", json!({ "type": "appMessage", "page": "pages/index/index" })),
            ("POST /api/orders/{orderId}/ship", json!({ "logisticsType": 3 })),
            ("POST /api/scores", json!({ "board": "b", "score": 7 })),
            ("POST /api/share/group", group_body(phone).await),
            ("POST /api/security/media", media_body(phone).await),
            ("POST /api/security/text", json!({ "content": "很好", "scene": 2 })),
            ("POST /api/uploads", json!({ "kind": "image", "contentType": "image/jpeg", "size": 3 })),
            ("POST /api/wxacode/unlimited", json!({ "scene": "s" })),
        ]);
        Self { bodies, order_id }
    }

    async fn request(&self, phone: &Phone<'_>, route: &str) -> Response {
        let (method, path) = route.split_once(' ').expect("a method");
        let path =
            path.replace("{orderId}", &self.order_id).replace("{traceId}", "60ae120f-371d5872-7941a05b");
        let path = match path.as_str() {
            "/api/scores/rank" => format!("{path}?board=b&openGId=tGEmahu4JpymxRTthEQ87E0R2Ul4"),
            "/api/werun/rank" => format!("{path}?openGId=tGEmahu4JpymxRTthEQ87E0R2Ul4"),
            "/api/cards/member/activation" => format!("{path}?cardId={MEMBER}"),
            _ => path,
        };
        match (method, route) {
            ("GET", _) => phone.get(&path).await,
            ("DELETE", _) => phone.delete(&path).await,
            (_, "POST /api/decrypt-phone") => {
                let tapped = phone.wx("getPhoneNumber", json!({})).await.json();
                phone.post(&path, &json!({ "code": tapped["code"] })).await
            }
            ("PUT", _) => phone.put(&path, &self.bodies[route]).await,
            _ => phone.post(&path, &self.bodies[route]).await,
        }
    }

    /// Sends a request to every route of users; nothing may be written.
    async fn walk(&self, world: &World, phone: &Phone<'_>, is_after_first_pass: bool) {
        let before = tables(world).await;
        for route in user_routes(world) {
            let response = self.request(phone, &route).await;
            let outcome = if response.bytes.starts_with(b"{") {
                response.outcome()
            } else {
                response.status.to_string()
            };
            let goes_on = GO_ON.iter().find(|(name, _)| *name == route);
            let expected = match (route.as_str(), goes_on) {
                ("DELETE /api/user", _) => "200 OK",
                ("POST /api/user/profile" | "POST /api/werun/decrypt" | "POST /api/share/group", _) => {
                    NEEDS_LOGIN
                }
                (_, Some((_, outcome))) => outcome,
                (list, None) if LISTS.contains(&list) && !is_after_first_pass => "200 OK",
                _ => REFUSED,
            };
            assert_eq!(outcome, expected, "{route}");
        }
        // A share is counted, whoever shares.
        let after = tables(world).await.into_iter().filter(|(table, _)| table != "SharesTable");
        for (table, rows) in after {
            for row in rows {
                assert!(before[&table].contains(&row), "written to {table}: {row}");
            }
        }
    }
}

async fn media_body(phone: &Phone<'_>) -> Value {
    let picture = json!({ "kind": "image", "contentType": "image/jpeg", "size": 3 });
    let form = phone.post("/api/uploads", &picture).await.ok();
    json!({ "objectKey": form.text("/objectKey"), "mediaType": "image", "scene": 2 })
}

async fn group_body(phone: &Phone<'_>) -> Value {
    phone.wx("shareToGroup", json!({ "group": "g" })).await;
    let group = phone.wx("getGroupEnterInfo", json!({})).await.json();
    json!({ "encryptedData": group["encryptedData"], "iv": group["iv"] })
}

/// The routes that a session token opens.
fn user_routes(world: &World) -> Vec<String> {
    const WITHOUT_TOKEN: [&str; 8] = [
        "/api/login",
        "/api/pay/complaint-notify",
        "/api/pay/notify",
        "/api/pay/refund-notify",
        "/api/message/callback",
        "/api/jssdk/signature",
        "/api/share/entry",
        "/api/user-storage",
    ];
    let functions = world.bundle().stack().functions.iter();
    let routes = functions
        .flat_map(|function| &function.routes)
        .filter(|route| route.auth != RouteAuth::AwsIam && !WITHOUT_TOKEN.contains(&route.path.as_str()));
    routes.map(|route| format!("{} {}", route.method, route.path)).collect()
}

#[tokio::test]
async fn a_void_token_opens_no_route_that_reads_or_writes_of_a_person() {
    let world = World::start().await;
    let phone = world.user().await;
    let rules = json!({ "order": "desc", "period": "ALL", "min": 0, "max": 100 });
    world.operator("PUT", "/api/admin/boards/b", &rules).await.ok();
    // Whoever needs an access token has one.
    phone.post("/api/security/text", &json!({ "content": "很好", "scene": 2 })).await.ok();
    phone.post("/api/wxacode/unlimited", &json!({ "scene": "s" })).await;
    let walk = VoidWalk::prepare(&phone).await;
    phone.delete(PATH).await.ok();
    walk.walk(&world, &phone, false).await;
    first_pass(&world).await;
    walk.walk(&world, &phone, true).await;
    last_pass(&world).await;
    walk.walk(&world, &phone, true).await;
}
