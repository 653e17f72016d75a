//! `/api/products` and `/api/orders`: the catalogue; orders placed, listed, read and cancelled.

mod cancel;
mod list;
mod place;
mod products;
mod read;
mod view;

use shared::{
    error::{ApiError, Code},
    host::{Host, HostError},
    http::extract,
    pay::Cashier,
    runtime::{Body, Function, Request, Response},
    session::{Caller, Sessions},
    store::{Order, Products},
    types::OrderId,
};

/// Answers about orders.
pub struct OrderFunction {
    host: Host,
    cashier: Cashier,
    products: Products,
    sessions: Sessions,
    /// Unpaid orders that a user can have at a time.
    max_unpaid: u32,
}

impl Function for OrderFunction {
    const NAME: &'static str = "order";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            cashier: Cashier::new(host)?,
            products: Products::new(host)?,
            sessions: Sessions::new(host)?,
            max_unpaid: host.parsed_var("MAX_UNPAID_ORDERS", "a number from 1 to 100", max_unpaid)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(&request).await?;
        match extract::route(&request) {
            "GET /api/products" => self.products().await,
            "POST /api/orders" => self.place(&caller, &request).await,
            "GET /api/orders" => self.list(&caller, &request).await,
            "GET /api/orders/{orderId}" => self.read(&caller, &request).await,
            "POST /api/orders/{orderId}/cancel" => self.cancel(&caller, &request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

/// Reads how many unpaid orders a user can have.
fn max_unpaid(text: &str) -> Result<u32, ()> {
    text.parse().ok().filter(|most| (1..=100).contains(most)).ok_or(())
}

impl OrderFunction {
    /// The caller's order that the path names. Another's is as good as none.
    async fn own_order(&self, caller: &Caller, request: &Request) -> Result<Order, ApiError> {
        let order_id = OrderId::parse(&extract::path(request, "orderId")?).map_err(|_| Code::NotFound)?;
        let order = self.cashier.orders.get(order_id).await?;
        Ok(order.filter(|order| order.user_id == caller.user_id).ok_or(Code::NotFound)?)
    }
}
