//! Who acts in a storm, and what they buy.

use e2e::{Phone, Response, World};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The people of a storm.
pub(crate) struct Cast<'w> {
    pub(crate) world: &'w World,
    users: Vec<Mutex<Phone<'w>>>,
    clerk: Mutex<Phone<'w>>,
}

impl<'w> Cast<'w> {
    /// Logs everybody in, and makes one of them staff.
    pub(crate) async fn gather(world: &'w World) -> Self {
        let mut users = Vec::new();
        for _ in 0..USERS {
            users.push(Mutex::new(world.user().await));
        }
        let clerk = world.user().await;
        let user_id = clerk.get("/api/user").await.ok().text("/user/userId");
        let path = format!("/api/admin/users/{user_id}/role");
        world.operator("PUT", &path, &json!({ "role": "staff" })).await.ok();
        Self { world, users, clerk: Mutex::new(clerk) }
    }

    /// The user who places the order with this number.
    pub(crate) fn user(&self, number: u64) -> &Mutex<Phone<'w>> {
        &self.users[usize::try_from(number).unwrap_or(0) % USERS]
    }

    /// The user with this openid.
    pub(crate) async fn user_named(&self, openid: &str) -> Option<&Mutex<Phone<'w>>> {
        for user in &self.users {
            if user.lock().await.openid == openid {
                return Some(user);
            }
        }
        None
    }

    /// Sends a request of staff.
    pub(crate) async fn send_as_staff(&self, method: &str, path: &str, body: &Value) -> Response {
        send_as(self.world, &self.clerk, method, path, body).await
    }

    /// Sends a request of a user.
    pub(crate) async fn send_as_user(
        &self,
        user: &Mutex<Phone<'_>>,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Response {
        send_as(self.world, user, method, path, body).await
    }
}

async fn send_as(
    world: &World,
    person: &Mutex<Phone<'_>>,
    method: &str,
    path: &str,
    body: &Value,
) -> Response {
    let token = person.lock().await.token.clone();
    let request = world.request(method, path).bearer_auth(&token);
    let request = if method == "GET" { request } else { request.json(body) };
    let answer = world.send(request).await;
    if answer.status == 401 {
        log_in(person).await;
    }
    answer
}

/// Logs in, which may fail a few times.
pub(crate) async fn log_in(person: &Mutex<Phone<'_>>) {
    let mut phone = person.lock().await;
    for _ in 0..10 {
        if phone.try_log_in().await {
            return;
        }
    }
}

/// Puts the products on sale, with more of each than all orders need, in several rows, so that the rest shows how many pieces were sold.
pub(crate) async fn stock_up(world: &World) {
    for (product_id, name, delivery) in PRODUCTS {
        let product = json!({
            "name": name, "price": 200, "shelf": "sale", "delivery": delivery, "stock": STOCK, "stockRows": STOCK_ROWS,
        });
        world.operator("PUT", &format!("/api/admin/products/{product_id}"), &product).await.ok();
    }
}

/// Products, with their names and how they get to the user.
pub(crate) const PRODUCTS: [(&str, &str, &str); 3] =
    [("water", "矿泉水", "express"), ("course", "课程", "virtual"), ("meal", "套餐", "pickup")];
pub(crate) const STOCK: i64 = 1_000_000;
const STOCK_ROWS: u16 = 4;
const USERS: usize = 8;
