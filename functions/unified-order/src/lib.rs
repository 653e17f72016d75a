//! `POST /api/pay/unified-order`: prepays an order and signs the arguments of `wx.requestPayment`.
//!
//! WeChat Pay: 统一下单. An `out_trade_no` stands for one request. While the request's outcome is unknown, exactly the same request is
//! sent again. The order moves on to the next number only after WeChat Pay has said that this one can't be paid any more.

mod prepay;
mod prepay_input;

use serde::Serialize;
use shared::{
    api::{ApiError, Code, response},
    host::{Host, HostError, RemoteService},
    order::Status,
    pay::PayParams,
    runtime::{Body, Function, Request, Response},
    service::{PaymentService, SessionTokens},
    store::Order,
    types::Caller,
};

use crate::prepay_input::{PrepayInput, PrepaySettings};

/// Prepays orders.
pub struct UnifiedOrderFunction {
    host: Host,
    payments: PaymentService,
    sessions: SessionTokens,
    settings: PrepaySettings,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrepayAnswer {
    pay_params: PayParams,
}

impl Function for UnifiedOrderFunction {
    const NAME: &'static str = "unified-order";

    async fn init(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            payments: PaymentService::new(host)?,
            sessions: SessionTokens::new(host)?,
            settings: PrepaySettings {
                public_base_url: host.optional_var("PUBLIC_BASE_URL").map(str::to_owned),
                offers_invoice: host.parsed_var("INVOICE_ENTRY", "true or false", str::parse::<bool>)?,
            },
        })
    }

    async fn warm_up(&self) {
        let connections = self.host.open_connections(&[RemoteService::Pay, RemoteService::Aws]);
        // One after the other, so that they share a connection. The one to WeChat Pay takes longer to open.
        let _ = self.sessions.ready().await;
        let _ = self.payments.pay.ready().await;
        connections.ended().await;
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, ApiError> {
        // The order is read once the key ring is.
        self.host.open_connections(&[RemoteService::Aws]);
        let caller = self.sessions.authenticate(&request).await?;
        let input = PrepayInput::parse(&request, &self.settings)?;
        // WeChat Pay is asked once the order is read, unless the order is prepaid already.
        self.host.open_connections(&[RemoteService::Pay]);
        let order = self.find_payable_order(&caller, &input).await?;
        let prepay_id = match order.live_prepay(self.host.now(), self.payments.pay.sign_type()) {
            Some(prepay) if input.has_same_description(&order) => prepay.prepay_id.clone(),
            _ => self.prepay_order(order, &input).await?,
        };
        let pay_params = self.payments.pay.pay_params(&prepay_id).await?;
        Ok(response::success(&PrepayAnswer { pay_params }))
    }
}

impl UnifiedOrderFunction {
    /// The caller's order, if it can be paid and costs what the phone shows.
    async fn find_payable_order(&self, caller: &Caller, input: &PrepayInput) -> Result<Order, ApiError> {
        let order = self.payments.orders.get_for_caller(input.order_id, caller).await?;
        let order = order.ok_or(Code::NotFound)?;
        match order.status {
            Status::Paid | Status::Refunding | Status::Refunded => return Err(Code::OrderPaid.into()),
            Status::Closed => return Err(Code::OrderClosed.into()),
            Status::Unpaid if order.is_over(self.host.now()) => return Err(Code::OrderClosed.into()),
            Status::Unpaid => {}
        }
        if input.total_fee.is_some_and(|fee| fee != order.total_fee.get()) {
            return Err(Code::AmountMismatch.into());
        }
        Ok(order)
    }
}
