//! Our refunds and WeChat Pay's, brought together: asking for one, asking about one, settling what is said.
//!
//! The rule that keeps money: a refund is given up only after WeChat Pay has refused it and has said that it does not know it.

use super::merchant::pay_client;
use crate::{
    host::{Host, HostError},
    pay::{AbnormalPayee, PayClient, PayError, Refund, RefundResponse, RefundStatus},
    store::{Case, CaseKind, Cases, RefundCause, RefundRow, RefundSettleOutcome, Refunds, StoreError},
    telemetry,
    types::{OperatorArn, OutTradeNo},
};

/// WeChat Pay or the database could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum RefundServiceError {
    /// WeChat Pay.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of sending the money of an abnormal refund elsewhere.
#[derive(Debug)]
pub enum RedirectOutcome {
    /// WeChat Pay has accepted the redirect; the refund as it is now.
    Redirected(Box<RefundRow>),
    /// The refund is not one that can't reach the user.
    NotAbnormal,
    /// It has gone on meanwhile, or somebody else is at it.
    Conflict,
    /// The interface that is called has no such call.
    UnsupportedApi,
    /// WeChat Pay refuses it, for the reason of this code.
    Refused(String),
}

impl RefundServiceError {
    /// Why, in one word for operators; `None` if WeChat Pay was not what failed.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Pay(error) => Some(error.reason()),
            Self::Store(_) => None,
        }
    }

    /// Whether it may go better later.
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
    /// It is given up, or at the end that WeChat Pay tells of; as it is now.
    Ended(Box<RefundRow>),
    /// WeChat Pay has accepted it, or has not refused it yet: it can't be given up.
    UnderWay,
    /// Somebody else asks WeChat Pay about it just now.
    Conflict,
}

/// Asks for refunds and settles them.
pub struct RefundService {
    /// The client of WeChat Pay.
    pub pay: PayClient,
    /// The refunds.
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

    /// Brings the refund on: asks for it, or asks what became of it; as it is then.
    ///
    /// Whatever keeps it from going on stands in its row as `failure` and wants attention; when it has been kept for too long, a
    /// case is opened.
    ///
    /// # Errors
    /// [`RefundServiceError`]; the refund stands, and can be brought on later.
    pub async fn advance(&self, row: &RefundRow) -> Result<RefundRow, RefundServiceError> {
        if row.status.is_final() {
            return Ok(row.clone());
        }
        let (after, failed) = match self.ask(row).await {
            Ok(after) => (after, None),
            Err(error) => (self.keep_failure(row, &error).await, Some(error)),
        };
        let told = self.tell_if_stuck(&after).await;
        match failed {
            Some(error) => {
                if let Err(error) = told {
                    telemetry::survived("refund-case", &error);
                }
                Err(error)
            }
            None => Ok(told.map(|()| after)?),
        }
    }

    /// Keeps in the row why WeChat Pay could not be asked; the row with it.
    async fn keep_failure(&self, row: &RefundRow, error: &RefundServiceError) -> RefundRow {
        let RefundServiceError::Pay(error) = error else { return row.clone() };
        if error.is_transient() {
            // It usually goes better the next time.
            telemetry::attention("refund-unanswered", &row.out_refund_no);
        } else {
            telemetry::attention("refund-waits", &row.out_refund_no);
        }
        let reason = error.reason();
        if let Err(error) = self.store.record_block_reason(row, &reason).await {
            telemetry::survived("refund-failure", &error);
        }
        RefundRow { failure: Some(reason), ..row.clone() }
    }

    /// Tells operators of a refund that does not go on by itself: at each look, and once as a case.
    async fn tell_if_stuck(&self, row: &RefundRow) -> Result<(), StoreError> {
        let case = row.stuck_case(self.host.now());
        if case.is_some() || row.status == RefundStatus::Abnormal {
            telemetry::attention("refund-stuck", &row.out_refund_no);
        }
        match case {
            Some(case) => self.cases.open(&case).await.map(drop),
            None => Ok(()),
        }
    }

    /// Asks for the refund, or what became of it, and keeps what is said.
    async fn ask(&self, row: &RefundRow) -> Result<RefundRow, RefundServiceError> {
        if row.refund_id.is_some()
            && let Some(refund) = self.pay.query_refund(&row.out_refund_no).await?
        {
            return self.settled(row, &refund).await;
        }
        // What was made in the merchant console must not be made here.
        if row.cause == RefundCause::Console {
            return Ok(row.clone());
        }
        match self.pay.refund(&row.request()).await? {
            RefundResponse::Accepted(refund) if is_begun(row, &refund) => {
                self.store.record_accepted(row, &refund).await?;
                Ok(RefundRow { refund_id: Some(refund.refund_id().to_owned()), failure: None, ..row.clone() })
            }
            RefundResponse::Accepted(refund) => self.settled(row, &refund).await,
            RefundResponse::RetryInOneMinute(code) => {
                self.store.defer_rate_limited(row, &code).await?;
                Ok(RefundRow { failure: Some(code), ..row.clone() })
            }
            RefundResponse::RetryLater(code) => {
                telemetry::attention("refund-waits", &row.out_refund_no);
                self.store.record_block_reason(row, &code).await?;
                Ok(RefundRow { failure: Some(code), ..row.clone() })
            }
            // A request of before may have been accepted, and this one be refused because of it.
            RefundResponse::Refused(code) => match self.pay.query_refund(&row.out_refund_no).await? {
                Some(refund) => self.settled(row, &refund).await,
                None => Ok(self.store.refuse(row, &code, None).await?),
            },
        }
    }

    /// Takes over what was given back of the attempt's payment without us, as far as WeChat Pay lists it; whether it lists any.
    ///
    /// # Errors
    /// [`RefundServiceError`]; what was taken over stays so, and the rest can be taken over later.
    pub async fn import_refunds(&self, out_trade_no: OutTradeNo) -> Result<bool, RefundServiceError> {
        let refunds = self.pay.refunds_of(out_trade_no).await?;
        for refund in &refunds {
            self.settle(refund).await?;
        }
        Ok(!refunds.is_empty())
    }

    /// Asks that the money of a refund that can't reach the user goes to `payee`, as the operator `by` wants.
    ///
    /// # Errors
    /// [`RefundServiceError`]; after a transient one it may be under way. Ask again.
    pub async fn redirect(
        &self,
        row: &RefundRow,
        payee: &AbnormalPayee,
        by: &OperatorArn,
    ) -> Result<RedirectOutcome, RefundServiceError> {
        let refund_id = row.refund_id.as_deref().filter(|_| row.status == RefundStatus::Abnormal);
        let Some(refund_id) = refund_id else { return Ok(RedirectOutcome::NotAbnormal) };
        // One asks at a time.
        if !self.store.claim_query(row, self.host.now()).await? {
            return Ok(RedirectOutcome::Conflict);
        }
        let refund = match self.pay.redirect_refund(refund_id, &row.out_refund_no, payee).await {
            Ok(Some(refund)) => refund,
            Ok(None) => return Ok(RedirectOutcome::UnsupportedApi),
            // An attempt of before, whose answer was lost, may have been accepted, and this one be refused because of it.
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
        Ok(RedirectOutcome::Redirected(Box::new(self.settled(row, &refund).await?)))
    }

    /// Gives up a refund that WeChat Pay does not make, as the operator `by` wants; its sum is free again then.
    ///
    /// WeChat Pay is asked about the refund and not for it, because an operator who gives it up may have given the money back in
    /// another way. A request that was on its way meanwhile, and is accepted after all, opens the refund again.
    ///
    /// # Errors
    /// [`RefundServiceError`]; nothing was given up, or the answer of the database was lost. Give it up again.
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
        // Nobody asks for it while it is given up.
        if !self.store.claim_query(row, self.host.now()).await? {
            return Ok(GiveUpOutcome::Conflict);
        }
        if let Some(refund) = self.pay.query_refund(&row.out_refund_no).await? {
            return Ok(GiveUpOutcome::Ended(Box::new(self.settled(row, &refund).await?)));
        }
        let row = self.store.refuse(row, failure, Some(by)).await?;
        // Its sum is free now for what went back in the merchant console instead of it.
        if let Err(error) = self.import_refunds(row.out_trade_no).await {
            telemetry::survived("refund-take-over", &error);
        }
        Ok(GiveUpOutcome::Ended(Box::new(row)))
    }

    async fn settled(&self, row: &RefundRow, refund: &Refund) -> Result<RefundRow, RefundServiceError> {
        match self.settle(refund).await? {
            RefundSettleOutcome::Changed(row) | RefundSettleOutcome::AlreadyRecorded(row) => Ok(*row),
            RefundSettleOutcome::Differs => Ok(row.clone()),
            RefundSettleOutcome::NoSuchPayment => {
                telemetry::attention("refund-without-payment", &row.out_refund_no);
                Ok(row.clone())
            }
        }
    }

    /// Settles what WeChat Pay tells of a refund. What can't be settled becomes a case.
    ///
    /// # Errors
    /// DynamoDB can't be asked. Settle it again.
    pub async fn settle(&self, refund: &Refund) -> Result<RefundSettleOutcome, StoreError> {
        let settled = self.store.settle(refund).await?;
        let what = match &settled {
            RefundSettleOutcome::Differs => {
                "WeChat Pay tells of a refund of another payment or sum than our books hold"
            }
            RefundSettleOutcome::AlreadyRecorded(row)
                if row.status == RefundStatus::Closed && refund.status() != RefundStatus::Closed =>
            {
                "WeChat Pay is at a refund that our books have given up"
            }
            _ => return Ok(settled),
        };
        telemetry::attention("refund-disputed", refund.out_refund_no());
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

/// Whether WeChat Pay has begun just what the row asks for: nothing else is to be settled then.
fn is_begun(row: &RefundRow, refund: &Refund) -> bool {
    row.status == RefundStatus::Processing
        && refund.status() == RefundStatus::Processing
        && row.transaction_id == *refund.transaction_id()
        && row.refund_fee == refund.refund_fee()
}
