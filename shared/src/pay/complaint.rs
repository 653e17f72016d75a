//! Complaints of buyers (消费者投诉 2.0). APIv3 only.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{ComplaintId, Fen, OutTradeNo, Secret, TransactionId, UnixSeconds};

/// The state of a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ComplaintState {
    /// The merchant has not replied yet. A state that is not known counts as this one, so that somebody looks.
    Pending,
    /// The merchant has replied.
    Processing,
    /// The merchant has dealt with it.
    Processed,
}

impl ComplaintState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Processing, Self::Processed];

    /// The name that WeChat Pay sends and that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Processed => "PROCESSED",
        }
    }
}

/// A notice that a complaint was made, or changed. It says nothing else, so the complaint must be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintNotice {
    pub(super) complaint_id: ComplaintId,
}

impl ComplaintNotice {
    /// The complaint.
    #[must_use]
    pub fn complaint_id(&self) -> &ComplaintId {
        &self.complaint_id
    }
}

/// A complaint, read from verified bytes. Only [`Complaint::detail`] and the phone number are personal, and neither is printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct Complaint {
    /// Its number.
    pub complaint_id: ComplaintId,
    /// Its state.
    pub state: ComplaintState,
    /// When the buyer complained.
    pub complained_at: UnixSeconds,
    /// What the buyer writes.
    pub detail: Secret,
    /// What the buyer complains of, by WeChat Pay's name: `REFUND`, `SERVICE_NOT_WORK`, `OTHERS`.
    pub problem_type: Option<String>,
    /// What the buyer chose from WeChat's list of problems.
    pub problem_description: Option<String>,
    /// The attempt, if its number is one of ours.
    pub out_trade_no: Option<OutTradeNo>,
    /// The payment.
    pub transaction_id: Option<TransactionId>,
    /// The payment's amount.
    pub amount: Option<Fen>,
    /// How much the buyer wants back.
    pub apply_refund_amount: Option<Fen>,
    /// How many times the buyer has complained.
    pub times: u64,
    /// Whether all of the payment was given back.
    pub full_refunded: bool,
    /// Whether the buyer waits for an answer.
    pub user_responded: bool,
    /// Whether WeChat's own service deals with it.
    pub in_platform_service: bool,
    /// The payer's phone number, encrypted for the merchant.
    pub(super) sealed_phone: Option<String>,
}

impl Complaint {
    /// Whether the buyer wants money back and the complaint is not dealt with, so that a refund can be approved.
    #[must_use]
    pub fn awaits_refund(&self) -> bool {
        self.problem_type.as_deref() == Some("REFUND") && self.state != ComplaintState::Processed
    }

    /// Whether WeChat Pay has given the payer's phone number, encrypted.
    #[must_use]
    pub fn has_phone(&self) -> bool {
        self.sealed_phone.as_deref().is_some_and(|sealed| !sealed.is_empty())
    }
}

impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complaint")
            .field("complaint_id", &self.complaint_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A part of a list of complaints.
#[derive(Debug)]
#[non_exhaustive]
pub struct ComplaintPage {
    /// The complaints, the newest first.
    pub complaints: Vec<Complaint>,
    /// How many complaints the whole list has.
    pub total: u64,
}

/// A step of a complaint's history.
#[derive(Clone)]
#[non_exhaustive]
pub struct NegotiationStep {
    /// When it was.
    pub at: UnixSeconds,
    /// Who did it, in WeChat Pay's words.
    pub operator: String,
    /// What was done, by WeChat Pay's name.
    pub operate_type: String,
    /// What was written.
    pub details: String,
}

impl NegotiationStep {
    /// Whether the merchant has written exactly this.
    #[must_use]
    pub fn is_reply(&self, content: &str) -> bool {
        self.details == content && !self.operate_type.starts_with("USER")
    }
}
