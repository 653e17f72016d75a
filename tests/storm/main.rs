//! The storm: many orders while everything fails at random, then quiet. At the end WeChat Pay's ledger and our books must agree
//! to the fen, every effect must have happened once, and nothing may be stuck.
//!
//! The suite runs a small one by every interface. A long one:
//!
//! ```text
//! STORM_ORDERS=1000 STORM_SEED=7 cargo test -p e2e --test storm -- --nocapture
//! ```
//!
//! The seed chooses every order's story and all the odds; only what overtakes what is the machine's own.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that can't go on has failed"
)]

mod books;
mod quiet;
mod story;
mod weather;

use std::cell::Cell;

use e2e::{Phone, World};
use futures_util::{StreamExt, future, stream};
use serde_json::json;

/// The interfaces, by the configuration that chooses each.
const APIS: [(&str, &str); 4] = [
    ("v2, MD5", "[merchant]\nsign_type = \"MD5\""),
    ("v2, HMAC-SHA256", "[merchant]\nsign_type = \"HMAC-SHA256\""),
    ("v3, certificates", "[merchant]\napi = \"v3\""),
    (
        "v3, public key",
        "[merchant]\napi = \"v3\"\nplatform_keys = [{ id = \"PUB_KEY_ID_0116482039572024061300382800\", \
         file = \"../infra/local/wechat/keys/pub_key.pem\" }]",
    ),
];

/// What a run is asked for.
struct Plan {
    orders: u64,
    seed: u64,
}

impl Plan {
    #[expect(clippy::disallowed_methods, reason = "a long run is asked for in the environment")]
    fn read() -> Self {
        let number = |name: &str, default| {
            std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
        };
        Self { orders: number("STORM_ORDERS", 24), seed: number("STORM_SEED", 1) }
    }
}

async fn storm(api: usize) {
    let Plan { orders, seed } = Plan::read();
    let (name, config) = APIS[api];
    let world = World::configured(config).await;
    stock(&world).await;
    let mut users: Vec<Phone<'_>> = Vec::new();
    for _ in 0..USERS {
        users.push(world.user().await);
    }
    let users: Vec<_> = users.into_iter().map(tokio::sync::Mutex::new).collect();

    let begun = world.now();
    weather::begin(&world, seed);
    let done = Cell::new(false);
    let stories = async {
        stream::iter(0..orders)
            .map(|number| story::live(&world, &users[story::user(number)], seed.wrapping_add(number << 8)))
            .buffer_unordered(AT_ONCE)
            .for_each(|()| future::ready(()))
            .await;
        done.set(true);
    };
    future::join(stories, weather::blow(&world, seed, api, &done)).await;
    let (struck, lasted) = (weather::end(&world).await, world.now() - begun);

    quiet::refuse_certificates(&world, api >= 2).await;
    let rounds = quiet::come_to_rest(&world).await;
    let books = books::balance(&world).await;
    println!(
        "{name}: seed {seed}, {orders} orders in {lasted} s of its clock, {struck}; at rest after {rounds} rounds; {books}"
    );
}

/// Enough for everybody, so that what is left tells what was sold.
async fn stock(world: &World) {
    let update = json!({
        "TableName": world.table("ProductsTable"), "Key": { "product_id": { "S": "water" } },
        "UpdateExpression": "SET stock = :many", "ExpressionAttributeValues": { ":many": { "N": STOCK.to_string() } },
    });
    let _ = world.dynamo().call_as_operator("UpdateItem", update).await.expect("an update");
}

const STOCK: i64 = 1_000_000;
const USERS: usize = 8;
const AT_ONCE: usize = 16;

#[tokio::test]
async fn by_v2_with_md5_the_books_agree_after_the_storm() {
    storm(0).await;
}

#[tokio::test]
async fn by_v2_with_hmac_the_books_agree_after_the_storm() {
    storm(1).await;
}

#[tokio::test]
async fn by_v3_with_certificates_the_books_agree_after_the_storm() {
    storm(2).await;
}

#[tokio::test]
async fn by_v3_with_the_public_key_the_books_agree_after_the_storm() {
    storm(3).await;
}
