//! `POST /api/orders/{orderId}/ship`, `GET /api/staff/orders`, `GET /api/admin/express-companies`, `/api/admin/trade-management…`: staff
//! ship orders and see what is to be shipped; operators see whether WeChat manages it.
//!
//! WeChat: 小程序发货信息管理服务. WeChat keeps the money of an order until it knows that the goods are shipped. Shipping writes the order and an
//! event in one transaction and is answered; `order-events` tells WeChat.

mod companies;
mod known_companies;
mod list;
mod ship;
mod trade_management;
mod view;

use shared::{
    api::{ApiError, Code, request},
    host::{Host, HostError},
    order::is_shipping_managed,
    runtime::{Body, Function, Request, Response},
    service::{SessionTokens, ShippingClient, StaffGuard},
    store::{OrderDetailsSealer, Orders},
    types::AppId,
};

use crate::known_companies::KnownCompanies;

/// Answers requests about shipping.
pub struct ShippingFunction {
    host: Host,
    orders: Orders,
    details: OrderDetailsSealer,
    sessions: SessionTokens,
    staff: StaffGuard,
    wechat: ShippingClient,
    companies: KnownCompanies,
    app_id: AppId,
    /// Whether WeChat manages the shipping, as this stack is told.
    is_managed: bool,
}

impl Function for ShippingFunction {
    const NAME: &'static str = "shipping";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            orders: Orders::new(host)?,
            details: OrderDetailsSealer::new(host)?,
            sessions: SessionTokens::new(host)?,
            staff: StaffGuard::new(host)?,
            wechat: ShippingClient::new(host)?,
            companies: KnownCompanies::default(),
            app_id: host.parsed_var("MINI_PROGRAM_APP_ID", "an appid", AppId::parse)?,
            is_managed: is_shipping_managed(host)?,
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        match request::route(&request) {
            "POST /api/orders/{orderId}/ship" => self.ship_order(&request).await,
            "GET /api/staff/orders" => self.list_orders(&request).await,
            "GET /api/admin/express-companies" => self.list_companies().await,
            "GET /api/admin/trade-management" => self.show_trade_management().await,
            "PUT /api/admin/trade-management/message-path" => self.set_message_path(&request).await,
            _ => Err(Code::NotFound.into()),
        }
    }
}
