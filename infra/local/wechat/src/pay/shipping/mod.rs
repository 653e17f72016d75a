//! Order-shipping management (小程序发货信息管理): the money of a trading mini program is frozen until its shipping is entered and its
//! receipt confirmed.
//!
//! Documentation: "Order shipping management" (小程序发货信息管理服务). It belongs to the open platform and is called with an
//! `access_token`, but it is about payments, so its state is in the ledger (`ledger/shipping/`). What time does (reminders, receipts,
//! settlements) is done with the next request, by the clock.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/order-shipping/order-shipping.html>

mod account;
mod business_view;
mod control;
mod errcodes;
mod express_companies;
mod query;
mod receipt_reminder;
mod upload;
mod upload_form;

use std::sync::Arc;

use axum::Router;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::access;
use crate::base::platform::{Errcode, UNAUTHORIZED, token_route};
use crate::base::tokens::access_tokens::TokenOwner;
use crate::core::exchange::{ApiRequest, ApiResponse, Route};
use crate::core::faults::Fault;
use crate::core::wx_api::WxApi;
use crate::pay::ledger::shipping::ShippingEvent;
use crate::pay::service::PayService;

pub(super) fn server_routes(pay: &Arc<PayService>) -> Vec<Route> {
    vec![
        token_route("/wxa/sec/order/upload_shipping_info", pay, upload::handle),
        token_route("/wxa/sec/order/get_order", pay, query::get_order),
        token_route("/wxa/sec/order/get_order_list", pay, query::get_order_list),
        token_route("/wxa/sec/order/notify_confirm_receive", pay, receipt_reminder::handle),
        token_route("/wxa/sec/order/set_msg_jump_path", pay, account::set_message_path),
        token_route("/wxa/sec/order/is_trade_managed", pay, account::is_trade_managed),
        token_route(
            "/wxa/sec/order/is_trade_management_confirmation_completed",
            pay,
            account::is_confirmation_completed,
        ),
        token_route("/wxa/sec/order/update_order_detail_path", pay, account::set_order_detail_path),
        token_route("/wxa/sec/order/get_order_detail_path", pay, account::get_order_detail_path),
        token_route("/cgi-bin/express/delivery/open_msg/get_delivery_list", pay, express_companies::list),
    ]
}

pub(super) fn wx_apis(pay: &Arc<PayService>) -> Vec<WxApi> {
    vec![WxApi::new("openBusinessView", pay, business_view::open)]
}

pub(super) fn control(pay: Arc<PayService>) -> Router {
    control::router(pay)
}

/// Does what time has done by now, and pushes the events. The ledger must not be locked.
pub(crate) fn run_due(pay: &PayService) {
    let now = pay.now();
    let events = pay.ledger().run_due_shipping(pay.account(), now);
    push_events(pay, events);
}

/// Pushes the events to the back end, in their order. The ledger must not be locked.
fn push_events(pay: &PayService, events: impl IntoIterator<Item = ShippingEvent>) {
    for (openid, event) in events {
        // Without an address nothing is pushed.
        let _ = pay.pushes().push(&openid, event);
    }
}

/// Handles a request of an account whose trade is managed. Any other account gets 48001.
fn handle_managed<B: DeserializeOwned>(
    pay: &PayService,
    request: &ApiRequest,
    fault: Option<&Fault>,
    handle: impl FnOnce(B) -> Result<Value, Errcode>,
) -> ApiResponse {
    access::handle_post(&pay.base().tokens, request, fault, TokenOwner::MiniProgram, |body| {
        if !pay.ledger().shipping.settings.managed {
            return Err(UNAUTHORIZED);
        }
        run_due(pay);
        handle(body)
    })
}
