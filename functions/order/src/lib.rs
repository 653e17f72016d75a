//! `/api/products` and `/api/orders`: lists the catalogue; places, lists, reads and cancels orders; takes requests for refunds.

mod cancel;
mod details;
mod list;
mod place;
mod products;
mod read;
mod refund_request;
mod view;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    runtime::{Body, Function, Request, Response},
    service::{PaymentService, SessionTokens},
    store::{Order, OrderDetailsSealer, Products, Sessions},
    types::{Caller, OrderId},
};

/// Answers requests about products and orders.
pub struct OrderFunction {
    host: Host,
    details: OrderDetailsSealer,
    payments: PaymentService,
    products: Products,
    sessions: SessionTokens,
    session_rows: Sessions,
    /// Unpaid orders that a user can have at the same time, from `MAX_UNPAID_ORDERS`.
    max_unpaid: u32,
}

impl Function for OrderFunction {
    const NAME: &'static str = "order";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            details: OrderDetailsSealer::new(host)?,
            payments: PaymentService::new(host)?,
            products: Products::new(host)?,
            sessions: SessionTokens::new(host)?,
            session_rows: Sessions::new(host)?,
            max_unpaid: host.parsed_var("MAX_UNPAID_ORDERS", "a number from 1 to 100", parse_max_unpaid)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        let caller = self.sessions.authenticate(&request).await?;
        match request::route(&request) {
            "GET /api/products" => self.list_products().await,
            "POST /api/orders" => self.place_order(&caller, &request).await,
            "GET /api/orders" => self.list_orders(&caller, &request).await,
            "GET /api/orders/{orderId}" => self.read_order(&caller, &request).await,
            "POST /api/orders/{orderId}/cancel" => self.cancel_order(&caller, &request).await,
            "POST /api/orders/{orderId}/refund-request" => self.request_refund(&caller, &request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}

/// Parses `MAX_UNPAID_ORDERS`.
fn parse_max_unpaid(text: &str) -> Result<u32, ()> {
    text.parse().ok().filter(|max| (1..=100).contains(max)).ok_or(())
}

impl OrderFunction {
    /// The caller's order that the path names.
    async fn find_own_order(&self, caller: &Caller, request: &Request) -> Result<Order, ApiError> {
        let order_id = OrderId::parse(&request::path(request, "orderId")?).map_err(|_| Code::NotFound)?;
        Ok(self.payments.orders.get_for_caller(order_id, caller).await?.ok_or(Code::NotFound)?)
    }
}
