//! Prepaying: what each answer of WeChat Pay to 统一下单 means for the order.

use shared::{
    error::{ApiError, Code},
    pay::{Asked, Closing, PayError, Prepaid, PrepayRequest, order::Status},
    store::{Order, Prepay, PrepayTerms, Stored},
    telemetry,
    types::PrepayId,
};

use crate::{UnifiedOrderFunction, ask::Ask};

/// How one round ended.
enum Round {
    Ready(PrepayId),
    /// Once more, with the order as it is now.
    Again(Box<Order>),
}

impl UnifiedOrderFunction {
    /// Prepays the order; its number may have to change on the way.
    pub(crate) async fn prepay(&self, mut order: Order, ask: &Ask) -> Result<PrepayId, ApiError> {
        for _ in 0..ROUNDS {
            if order.is_over(self.host.now()) {
                return Err(Code::OrderClosed.into());
            }
            let is_another = !ask.agrees_with(&order);
            if is_another && order.out_trade_no.attempt() >= MAX_DESCRIPTIONS {
                return Err(ApiError::new(Code::Conflict).saying("订单说明更改过多，请重新下单"));
            }
            // The number stands for the text that was asked for, and for the signature it was asked with.
            let round = if is_another || order.is_prepaid_otherwise(self.cashier.pay.sign_type()) {
                self.begin_again(&order).await?
            } else {
                self.round(&order, ask).await?
            };
            match round {
                Round::Ready(prepay_id) => return Ok(prepay_id),
                Round::Again(now) => order = *now,
            }
        }
        Err(ApiError::new(Code::UpstreamBusy).because("the order changed with every attempt"))
    }

    async fn round(&self, order: &Order, ask: &Ask) -> Result<Round, ApiError> {
        let terms = ask.terms(order, self.host.now());
        let request = PrepayRequest {
            out_trade_no: order.out_trade_no,
            description: &terms.description,
            total_fee: order.total_fee,
            openid: &order.openid,
            client_ip: &terms.client_ip,
            expires_at: terms.time_expire.unwrap_or(order.expires_at),
            notify_url: &ask.notify_url,
        };
        match self.cashier.pay.prepay(&request).await {
            Ok(Prepaid::Ready(prepay_id)) => self.keep(order, &terms, prepay_id).await,
            Ok(Prepaid::AlreadyPaid) => match self.cashier.ask(order).await? {
                Asked::Paid(_) => Err(Code::OrderPaid.into()),
                Asked::Returned(_) => Err(Code::OrderClosed.into()),
                Asked::Disputed => Err(disputed()),
                _ => Err(ApiError::new(Code::UpstreamBusy).because("WeChat Pay calls it paid and unpaid")),
            },
            Ok(Prepaid::Closed | Prepaid::NumberTaken) => self.begin_again(order).await,
            Ok(Prepaid::Differs) => self.after_another(order).await,
            Ok(Prepaid::BalanceNotEnough) => Err(Code::BalanceNotEnough.into()),
            Err(error) => Err(self.after_failure(order, &terms, error).await),
        }
    }

    /// Stores what can be paid now. If the order has gone on meanwhile, that decides.
    async fn keep(&self, order: &Order, terms: &PrepayTerms, prepay_id: PrepayId) -> Result<Round, ApiError> {
        let prepay =
            Prepay { prepay_id, at: self.host.now(), sign_type: self.cashier.pay.sign_type().to_owned() };
        match self.cashier.orders.prepaid(order, terms, &prepay).await? {
            Stored::Yes => Ok(Round::Ready(prepay.prepay_id)),
            Stored::Overtaken(now) if now.status.was_paid() => self.go_on_with(now),
            Stored::Overtaken(now) => {
                // Cancelled, or at another number: what was just prepaid must not be paid. The phone never hears of it, so
                // failing here leaves nothing that could be paid by mistake.
                if let Err(error) = self.cashier.pay.close(order.out_trade_no).await {
                    telemetry::survived("close-overtaken", &error);
                }
                self.go_on_with(now)
            }
        }
    }

    /// The number was used with another request: by a request beside this one, by one that was lost, or before the shop changed its
    /// interface. Or the request is malformed.
    async fn after_another(&self, order: &Order) -> Result<Round, ApiError> {
        let now = self.cashier.orders.get(order.order_id).await?.ok_or(Code::NotFound)?;
        let prepay_id = |order: &Order| order.prepay.as_ref().map(|prepay| prepay.prepay_id.clone());
        let has_gone_on = now.out_trade_no != order.out_trade_no || prepay_id(&now) != prepay_id(order);
        if now.status != Status::Unpaid || has_gone_on {
            return self.go_on_with(Box::new(now));
        }
        match self.cashier.ask(&now).await? {
            // WeChat Pay has no such number, so it is not the number: the request itself is malformed. What was asked for before
            // and never got there can have become so: its `time_expire` is too near by now.
            Asked::Unknown if order.terms.is_none() => {
                Err(if order.later_time_expire(self.host.now()).is_some() {
                    ApiError::new(Code::OrderClosed)
                        .because("WeChat Pay refuses to prepay an order that ends so soon")
                } else {
                    ApiError::new(Code::Internal).because("WeChat Pay finds the prepayment malformed")
                })
            }
            Asked::Paid(_) => Err(Code::OrderPaid.into()),
            Asked::Returned(_) => Err(Code::OrderClosed.into()),
            _ => self.begin_again(&now).await,
        }
    }

    async fn begin_again(&self, order: &Order) -> Result<Round, ApiError> {
        match self.cashier.begin_again(order).await? {
            Closing::Done(order) => self.go_on_with(order),
            Closing::Paid(_) => Err(Code::OrderPaid.into()),
            Closing::Disputed => Err(disputed()),
        }
    }

    fn go_on_with(&self, order: Box<Order>) -> Result<Round, ApiError> {
        match order.status {
            Status::Paid | Status::Refunding | Status::Refunded => Err(Code::OrderPaid.into()),
            Status::Closed => Err(Code::OrderClosed.into()),
            Status::Unpaid => Ok(match order.live_prepay(self.host.now(), self.cashier.pay.sign_type()) {
                Some(prepay) => Round::Ready(prepay.prepay_id.clone()),
                None => Round::Again(order),
            }),
        }
    }

    /// The outcome is unknown: what was asked is kept, so that the next request asks the same.
    async fn after_failure(&self, order: &Order, terms: &PrepayTerms, error: PayError) -> ApiError {
        if error.is_transient()
            && order.terms.is_none()
            && let Err(error) = self.cashier.orders.asked_with(order, terms).await
        {
            telemetry::survived("keep-terms", &error);
        }
        error.into()
    }
}

/// Refreshing helps nothing: an operator must look.
fn disputed() -> ApiError {
    ApiError::new(Code::Conflict).saying("订单支付异常，请联系商家")
}

const ROUNDS: usize = 4;
/// Attempts after which another description begins no further one: each is another prepayment at WeChat Pay. What makes WeChat Pay
/// refuse a number begins further ones all the same, up to `OutTradeNo::MAX_ATTEMPTS`.
const MAX_DESCRIPTIONS: u8 = 10;
