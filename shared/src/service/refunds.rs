//! Refunds here and at WeChat Pay: requests them, asks about them and records the answers.
//!
//! A refund ends without WeChat Pay's doing only if WeChat Pay has refused it for ever, or an operator gives it up, and if WeChat Pay says
//! that it does not know it. Otherwise WeChat Pay could make a refund that is not known here.

use super::merchant::pay_client;
use crate::{
    host::{Host, HostError},
    pay::{AbnormalPayee, PayClient, PayError, Refund, RefundResponse, RefundStatus},
    store::{Case, CaseKind, Cases, RefundCause, RefundRow, RefundSettleOutcome, Refunds, StoreError},
    telemetry,
    types::{OperatorArn, OutTradeNo, UnixSeconds},
};

/// A refund could not be requested, queried or recorded.
#[derive(Debug, thiserror::Error)]
pub enum RefundServiceError {
    /// WeChat Pay refuses the request or does not answer.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of redirecting an ABNORMAL refund to another account.
#[derive(Debug)]
pub enum RedirectOutcome {
    /// WeChat Pay has accepted the redirect; the refund as it is now.
    Redirected(Box<RefundRow>),
    /// The refund is not ABNORMAL.
    NotAbnormal,
    /// The refund has changed meanwhile, or another caller is asking about it.
    Conflict,
    /// The configured API version (APIv2) has no such call.
    UnsupportedApi,
    /// WeChat Pay refuses it, with this error code.
    Refused(String),
}

impl RefundServiceError {
    /// The reason as a code for operators; `None` if DynamoDB failed and not WeChat Pay.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Pay(error) => Some(error.reason()),
            Self::Store(_) => None,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Pay(error) => error.is_transient(),
            Self::Store(error) => error.is_transient(),
        }
    }
}

/// What came of giving up a refund.
#[derive(Debug)]
pub enum GiveUpOutcome {
    /// The refund is given up, or has ended as WeChat Pay says; the refund as it is now.
    Ended(Box<RefundRow>),
    /// WeChat Pay has accepted the refund, or no request of it has failed yet, so it can't be given up.
    UnderWay,
    /// Another caller is asking WeChat Pay about the refund.
    Conflict,
}

/// Requests refunds from WeChat Pay, asks about them and records the answers.
pub struct RefundService {
    /// The client of WeChat Pay.
    pub pay: PayClient,
    /// The table of refunds.
    pub store: Refunds,
    cases: Cases,
    host: Host,
}

impl RefundService {
    /// [`pay_client`], [`Refunds::new`] and [`Cases::new`] read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            pay: pay_client(host)?,
            store: Refunds::new(host)?,
            cases: Cases::new(host)?,
            host: host.clone(),
        })
    }

    /// Requests the refund from WeChat Pay, or asks about it if it was accepted, and records the answer; the refund as it is then.
    ///
    /// The reason why a refund does not progress stands in its row as `failure`. When that takes too long, a case `REFUND_STUCK` is
    /// opened.
    ///
    /// # Errors
    /// [`RefundServiceError`]; the refund may be recorded as accepted, or its `failure` says why not. This can be called again.
    pub async fn advance(&self, row: &RefundRow) -> Result<RefundRow, RefundServiceError> {
        if row.status.is_final() {
            return Ok(row.clone());
        }
        let (after, failed) = match self.request_or_query(row).await {
            Ok(after) => (after, None),
            Err(error) => (self.record_failure(row, &error).await, Some(error)),
        };
        let reported = self.report_if_stuck(&after).await;
        match failed {
            Some(error) => {
                if let Err(error) = reported {
                    telemetry::handled_error("open-refund-case", &error);
                }
                Err(error)
            }
            None => Ok(reported.map(|()| after)?),
        }
    }

    /// The time of the host's clock.
    pub(super) fn now(&self) -> UnixSeconds {
        self.host.now()
    }

    /// Records in the row why the request or query failed; the row with the reason.
    async fn record_failure(&self, row: &RefundRow, error: &RefundServiceError) -> RefundRow {
        let RefundServiceError::Pay(error) = error else { return row.clone() };
        if error.is_transient() {
            // The next query usually succeeds.
            telemetry::operator_alert("refund-unanswered", &row.out_refund_no);
        } else {
            telemetry::operator_alert("refund-not-accepted", &row.out_refund_no);
        }
        let reason = error.reason();
        if let Err(error) = self.store.record_block_reason(row, &reason).await {
            telemetry::handled_error("store-refund-failure", &error);
        }
        RefundRow { failure: Some(reason), ..row.clone() }
    }

    /// Reports a refund that does not progress by itself: in the log at each query, and once as a case.
    async fn report_if_stuck(&self, row: &RefundRow) -> Result<(), StoreError> {
        let case = row.stuck_case(self.host.now());
        if case.is_some() || row.status == RefundStatus::Abnormal {
            telemetry::operator_alert("refund-stuck", &row.out_refund_no);
        }
        match case {
            Some(case) => self.cases.open(&case).await.map(drop),
            None => Ok(()),
        }
    }

    /// Requests the refund or asks about it, and records the answer.
    async fn request_or_query(&self, row: &RefundRow) -> Result<RefundRow, RefundServiceError> {
        if row.refund_id.is_some()
            && let Some(refund) = self.pay.query_refund(&row.out_refund_no).await?
        {
            return self.record_answer(row, &refund).await;
        }
        // A refund of the merchant console must not be requested a second time from here.
        if row.cause == RefundCause::Console {
            return Ok(row.clone());
        }
        match self.pay.refund(&row.request()).await? {
            RefundResponse::Accepted(refund) if is_begun(row, &refund) => {
                self.store.record_accepted(row, &refund).await?;
                Ok(RefundRow { refund_id: Some(refund.refund_id().to_owned()), failure: None, ..row.clone() })
            }
            RefundResponse::Accepted(refund) => self.record_answer(row, &refund).await,
            RefundResponse::RetryInOneMinute(code) => {
                self.store.defer_rate_limited(row, &code).await?;
                Ok(RefundRow { failure: Some(code), ..row.clone() })
            }
            RefundResponse::RetryLater(code) => {
                telemetry::operator_alert("refund-not-accepted", &row.out_refund_no);
                self.store.record_block_reason(row, &code).await?;
                Ok(RefundRow { failure: Some(code), ..row.clone() })
            }
            // An earlier request may have been accepted, and this one refused because of that.
            RefundResponse::Refused(code) => match self.pay.query_refund(&row.out_refund_no).await? {
                Some(refund) => self.record_answer(row, &refund).await,
                None => Ok(self.store.refuse(row, &code, None).await?),
            },
        }
    }

    /// Records the refunds of the attempt's payment that WeChat Pay lists, with those of the merchant console; whether it lists any.
    ///
    /// # Errors
    /// [`RefundServiceError`]; some refunds may be recorded. Repeating the call is harmless.
    pub async fn import_refunds(&self, out_trade_no: OutTradeNo) -> Result<bool, RefundServiceError> {
        let refunds = self.pay.refunds_of(out_trade_no).await?;
        for refund in &refunds {
            self.settle(refund).await?;
        }
        Ok(!refunds.is_empty())
    }

    /// Redirects an ABNORMAL refund, whose money can't reach the user, to `payee`, as the operator `by` wants.
    ///
    /// # Errors
    /// [`RefundServiceError`]; after a transient one the redirect may be under way, and the call can be repeated.
    pub async fn redirect(
        &self,
        row: &RefundRow,
        payee: &AbnormalPayee,
        by: &OperatorArn,
    ) -> Result<RedirectOutcome, RefundServiceError> {
        let refund_id = row.refund_id.as_deref().filter(|_| row.status == RefundStatus::Abnormal);
        let Some(refund_id) = refund_id else { return Ok(RedirectOutcome::NotAbnormal) };
        // One caller asks at a time.
        if !self.store.claim_query(row, self.host.now()).await? {
            return Ok(RedirectOutcome::Conflict);
        }
        let refund = match self.pay.redirect_refund(refund_id, &row.out_refund_no, payee).await {
            Ok(Some(refund)) => refund,
            Ok(None) => return Ok(RedirectOutcome::UnsupportedApi),
            // An earlier call, whose answer was lost, may have been accepted, and this one refused because of that.
            Err(PayError::Business { code, transient: false, .. }) => {
                match self.pay.query_refund(&row.out_refund_no).await? {
                    Some(refund) if refund.status() != RefundStatus::Abnormal => refund,
                    _ => return Ok(RedirectOutcome::Refused(code)),
                }
            }
            Err(error) => return Err(error.into()),
        };
        if refund.status() == RefundStatus::Processing {
            return Ok(match self.store.record_redirect(row, by).await? {
                Some(row) => RedirectOutcome::Redirected(Box::new(row)),
                None => RedirectOutcome::Conflict,
            });
        }
        Ok(RedirectOutcome::Redirected(Box::new(self.record_answer(row, &refund).await?)))
    }

    /// Gives up a refund that WeChat Pay does not make, as the operator `by` wants; its sum can be refunded again then.
    ///
    /// WeChat Pay is only asked about the refund. It is not requested again, because the operator may have given the money back in another
    /// way. A request that was under way and is accepted after all opens the refund again.
    ///
    /// # Errors
    /// [`RefundServiceError`]; after a timeout the refund may have been given up. Repeating the call is harmless.
    pub async fn give_up(
        &self,
        row: &RefundRow,
        by: &OperatorArn,
    ) -> Result<GiveUpOutcome, RefundServiceError> {
        if row.status.is_final() {
            return Ok(GiveUpOutcome::Ended(Box::new(row.clone())));
        }
        let Some(failure) = row.failure.as_deref().filter(|_| row.refund_id.is_none()) else {
            return Ok(GiveUpOutcome::UnderWay);
        };
        // No other caller requests the refund meanwhile.
        if !self.store.claim_query(row, self.host.now()).await? {
            return Ok(GiveUpOutcome::Conflict);
        }
        if let Some(refund) = self.pay.query_refund(&row.out_refund_no).await? {
            return Ok(GiveUpOutcome::Ended(Box::new(self.record_answer(row, &refund).await?)));
        }
        let row = self.store.refuse(row, failure, Some(by)).await?;
        // Its sum is free now for a refund that was made in the merchant console instead.
        if let Err(error) = self.import_refunds(row.out_trade_no).await {
            telemetry::handled_error("record-console-refunds", &error);
        }
        Ok(GiveUpOutcome::Ended(Box::new(row)))
    }

    async fn record_answer(&self, row: &RefundRow, refund: &Refund) -> Result<RefundRow, RefundServiceError> {
        match self.settle(refund).await? {
            RefundSettleOutcome::Changed(row) | RefundSettleOutcome::AlreadyRecorded(row) => Ok(*row),
            RefundSettleOutcome::Differs => Ok(row.clone()),
            RefundSettleOutcome::NoSuchPayment => {
                telemetry::operator_alert("refund-without-payment", &row.out_refund_no);
                Ok(row.clone())
            }
        }
    }

    /// Records what WeChat Pay says of a refund. If our tables contradict it, a case `REFUND_STUCK` is opened.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied; repeating
    /// it is harmless.
    pub async fn settle(&self, refund: &Refund) -> Result<RefundSettleOutcome, StoreError> {
        let settled = self.store.settle(refund).await?;
        let what = match &settled {
            RefundSettleOutcome::Differs => {
                "WeChat Pay tells of a refund of another payment or sum than our tables hold"
            }
            RefundSettleOutcome::AlreadyRecorded(row)
                if row.status == RefundStatus::Closed && refund.status() != RefundStatus::Closed =>
            {
                "WeChat Pay is at a refund that our tables have given up"
            }
            _ => return Ok(settled),
        };
        telemetry::operator_alert("refund-state-conflict", refund.out_refund_no());
        let case = Case {
            order_id: Some(refund.out_trade_no().order_id()),
            out_trade_no: Some(refund.out_trade_no()),
            transaction_id: Some(refund.transaction_id().clone()),
            out_refund_no: Some(refund.out_refund_no().clone()),
            ..Case::new(CaseKind::RefundStuck, &refund.refund_id(), what, self.host.now())
        };
        self.cases.open(&case).await?;
        Ok(settled)
    }
}

/// Whether WeChat Pay is processing exactly the refund that the row asks for, so that only its `refund_id` must be recorded.
fn is_begun(row: &RefundRow, refund: &Refund) -> bool {
    row.status == RefundStatus::Processing
        && refund.status() == RefundStatus::Processing
        && row.transaction_id == *refund.transaction_id()
        && row.refund_fee == refund.refund_fee()
}
