//! The effects on shipping: a paid order gets its shipping, and WeChat is told what was shipped.
//!
//! WeChat takes one correction of what was shipped, so nothing is uploaded twice without a look. An upload is claimed before it is sent: the
//! claim's condition is that the order is still PAID, so that a refund which was begun meanwhile wins. The claim of a run that was killed, or
//! that got no answer, counts for two minutes; after that the next run looks at what WeChat knows.

use std::time::Duration;

use shared::{
    host::{Host, HostError},
    order::{ShippingPolicy, Status},
    service::{EventError, ShippingClient, UploadOutcome},
    store::{Case, CaseKind, Event, Order, Orders, Shipping, ShippingWrite},
    types::{BoxError, OpenId, TransactionId, UnixSeconds},
    wechat::shipping::{ShippingUpload, TradeOrder, TradeState},
};

/// What came of telling WeChat.
pub(crate) enum ShippingReport {
    /// WeChat knows it, or never will.
    Finished,
    /// WeChat can't know it yet, because the payment has not arrived there, or the order may be refunded.
    NotYet,
    /// Another run is uploading, or has changed the shipping.
    ElsewhereNow,
}

/// Tells WeChat what was shipped.
pub(crate) struct ShippingReporter {
    host: Host,
    orders: Orders,
    wechat: ShippingClient,
    policy: ShippingPolicy,
}

impl ShippingReporter {
    /// The table, the client and the policy read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            host: host.clone(),
            orders: Orders::new(host)?,
            wechat: ShippingClient::new(host)?,
            policy: ShippingPolicy::from_host(host)?,
        })
    }

    /// Begins the shipping of the paid order.
    ///
    /// # Errors
    /// [`EventError`]: the shipping may have begun. Beginning it again is harmless.
    pub(crate) async fn begin(&self, event_id: &str, order: &Order) -> Result<(), EventError> {
        let begun = self.orders.begin_shipping(order, &self.policy).await;
        begun.map_err(|cause| EventError::at("beginning the shipping", event_id, cause))
    }

    /// Tells WeChat what was shipped of the order.
    ///
    /// # Errors
    /// [`EventError`]: WeChat or the table can't be asked now. Tell it again.
    pub(crate) async fn report(&self, event: &Event, order: &Order) -> Result<ShippingReport, EventError> {
        self.try_report(event, order)
            .await
            .map_err(|cause| EventError::at("telling WeChat", &event.event_id, cause))
    }

    async fn try_report(&self, event: &Event, order: &Order) -> Result<ShippingReport, BoxError> {
        let now = self.host.now();
        let (Some(shipping), Some(payment)) = (&order.shipping, &order.transaction_id) else {
            return Ok(ShippingReport::Finished);
        };
        if !shipping.is_to_upload() {
            return Ok(ShippingReport::Finished);
        }
        let is_uploading = |at: UnixSeconds| now.since(at) < CLAIM_LIFETIME;
        match order.status {
            // The refund may come to nothing.
            Status::Refunding => return Ok(ShippingReport::NotYet),
            _ if shipping.upload_begun_at.is_some_and(is_uploading) => {
                return Ok(ShippingReport::ElsewhereNow);
            }
            Status::Paid if self.policy.is_managed() => {}
            Status::Paid => return self.finish(order, shipping.with_upload_done(now), None).await,
            Status::Refunded | Status::Closed | Status::Unpaid => {
                return self.close_refunded(order, shipping, payment, now).await;
            }
        }
        let mut payer = order.openid.clone();
        if shipping.upload_time.is_some() || payer.is_none() {
            let Some(known) = self.wechat.find_order(payment).await? else {
                return self.wait_for_payment(event, order, shipping, now).await;
            };
            if let Some(next) = settled_by_look(shipping, &known, now) {
                let case = refusal_case(shipping, &next, order, "WeChat knows another shipping", now);
                return self.finish(order, next, case).await;
            }
            payer = payer.or(known.openid);
        }
        let Some(payer) = payer else {
            let case = shipping_case(order, "WeChat does not say who paid", now);
            return self.finish(order, shipping.with_upload_refused(), Some(case)).await;
        };
        match self.orders.write_shipping(order, shipping.with_upload_begun(now), None).await? {
            ShippingWrite::Written(order) => self.upload(event, &order, payment, &payer, now).await,
            ShippingWrite::Changed(_) => Ok(ShippingReport::ElsewhereNow),
        }
    }

    /// Uploads what the claimed order says.
    async fn upload(
        &self,
        event: &Event,
        order: &Order,
        payment: &TransactionId,
        payer: &OpenId,
        now: UnixSeconds,
    ) -> Result<ShippingReport, BoxError> {
        let Some(shipping) = &order.shipping else { return Ok(ShippingReport::Finished) };
        let upload = ShippingUpload {
            transaction_id: payment,
            openid: payer,
            delivery: shipping.delivery,
            packages: &shipping.packages,
            is_all_delivered: shipping.is_all_delivered,
            upload_time: shipping.upload_time.unwrap_or_default(),
        };
        match self.wechat.upload(&upload).await {
            UploadOutcome::Taken => self.finish(order, shipping.with_upload_done(now), None).await,
            UploadOutcome::UnknownPayment => self.wait_for_payment(event, order, shipping, now).await,
            UploadOutcome::AlreadyShipped => {
                let known = self.wechat.find_order(payment).await?;
                let is_known = known.is_some_and(|known| shows(&known, shipping));
                if is_known {
                    return self.finish(order, shipping.with_upload_done(now), None).await;
                }
                let case = shipping_case(
                    order,
                    "WeChat knows another shipping, and takes no further correction",
                    now,
                );
                self.finish(order, shipping.with_upload_refused(), Some(case)).await
            }
            // Refunded or settled meanwhile.
            UploadOutcome::Refused(NOT_SHIPPABLE) => self.close_not_shippable(order, payment, now).await,
            UploadOutcome::Refused(errcode) => {
                let case =
                    shipping_case(order, &format!("WeChat refuses the shipping: errcode {errcode}"), now);
                self.finish(order, shipping.with_upload_refused(), Some(case)).await
            }
            UploadOutcome::Busy(error) => {
                self.orders.write_shipping(order, shipping.with_upload_failed(), None).await?;
                Err(error.into())
            }
            UploadOutcome::Unknown(error) => Err(error.into()),
        }
    }

    /// All money of the order went back, so nothing more is uploaded. An upload whose answer was lost may have arrived before.
    async fn close_refunded(
        &self,
        order: &Order,
        shipping: &Shipping,
        payment: &TransactionId,
        now: UnixSeconds,
    ) -> Result<ShippingReport, BoxError> {
        let known = match shipping.upload_begun_at {
            Some(_) => self.wechat.find_order(payment).await?,
            None => None,
        };
        let is_known = known.is_some_and(|known| shows(&known, shipping));
        let next = if is_known { shipping.with_upload_done(now) } else { shipping.with_upload_refused() };
        self.finish(order, next, None).await
    }

    /// WeChat says that the order can't be shipped any more: nothing is wrong if all of its money went back.
    async fn close_not_shippable(
        &self,
        order: &Order,
        payment: &TransactionId,
        now: UnixSeconds,
    ) -> Result<ShippingReport, BoxError> {
        let Some(shipping) = &order.shipping else { return Ok(ShippingReport::Finished) };
        let known = self.wechat.find_order(payment).await?;
        if let Some(next) = known.as_ref().and_then(|known| settled_by_look(shipping, known, now)) {
            let case = refusal_case(shipping, &next, order, "WeChat knows another shipping", now);
            return self.finish(order, next, case).await;
        }
        let case = shipping_case(order, "WeChat says that the order can't be shipped", now);
        self.finish(order, shipping.with_upload_refused(), Some(case)).await
    }

    /// WeChat does not know the payment: that takes seconds to minutes, and after a day it is a fault.
    async fn wait_for_payment(
        &self,
        event: &Event,
        order: &Order,
        shipping: &Shipping,
        now: UnixSeconds,
    ) -> Result<ShippingReport, BoxError> {
        if now.since(event.happened_at) >= LONGEST_WAIT {
            let case = shipping_case(order, "WeChat has not known the payment for a day", now);
            return self.finish(order, shipping.with_upload_refused(), Some(case)).await;
        }
        if shipping.upload_begun_at.is_some() {
            self.orders.write_shipping(order, shipping.with_upload_failed(), None).await?;
        }
        Ok(ShippingReport::NotYet)
    }

    async fn finish(
        &self,
        order: &Order,
        next: Shipping,
        case: Option<Case>,
    ) -> Result<ShippingReport, BoxError> {
        let next_query_at = self.policy.next_query(order.shipping_progress(&next), self.host.now());
        let next = next.with_next_query(next_query_at);
        Ok(match self.orders.write_shipping(order, next, case.as_ref()).await? {
            ShippingWrite::Written(_) => ShippingReport::Finished,
            ShippingWrite::Changed(_) => ShippingReport::ElsewhereNow,
        })
    }
}

/// The shipping after a look at what WeChat knows, if that ends the upload: WeChat knows it, or can't take it any more. `None` if it is
/// still to be uploaded.
fn settled_by_look(shipping: &Shipping, known: &TradeOrder, now: UnixSeconds) -> Option<Shipping> {
    match known.state {
        _ if shows(known, shipping) => Some(shipping.with_upload_done(now)),
        TradeState::Refunded | TradeState::Received | TradeState::Done => {
            Some(shipping.with_upload_refused())
        }
        _ if known.finish_count >= MOST_UPLOADS => Some(shipping.with_upload_refused()),
        _ => None,
    }
}

/// The case of a shipping that WeChat will never know, though the order keeps its money.
fn refusal_case(
    shipping: &Shipping,
    next: &Shipping,
    order: &Order,
    what: &str,
    now: UnixSeconds,
) -> Option<Case> {
    let is_refused = *next == shipping.with_upload_refused();
    (is_refused && order.status == Status::Paid).then(|| shipping_case(order, what, now))
}

fn shows(known: &TradeOrder, shipping: &Shipping) -> bool {
    known.shows(shipping.delivery, &shipping.packages, shipping.is_all_delivered)
}

fn shipping_case(order: &Order, what: &str, now: UnixSeconds) -> Case {
    let revision = order.shipping.as_ref().map_or(0, |shipping| shipping.revision);
    let about = format!("{}-{revision}", order.order_id);
    Case {
        order_id: Some(order.order_id),
        out_trade_no: order.paid_by,
        transaction_id: order.transaction_id.clone(),
        ..Case::new(CaseKind::ShippingRefused, &about, what, now)
    }
}

/// The order was refunded or settled.
const NOT_SHIPPABLE: i64 = 10_060_004;
/// WeChat takes the shipping of an order, and one correction.
const MOST_UPLOADS: u64 = 2;
/// How long an upload without an outcome may still be under way.
const CLAIM_LIFETIME: Duration = Duration::from_secs(2 * 60);
/// How long WeChat may not know a payment.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
