//! The complaints of buyers about the merchant.
//!
//! PENDING → PROCESSING with the merchant's first reply → PROCESSED when the merchant says so or rejects the refund. A buyer who goes on
//! complaining makes it PENDING again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::core::clock;
use crate::core::random;

/// The state of a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ComplaintState {
    /// The merchant has not replied yet.
    Pending,
    /// The merchant has replied.
    Processing,
    /// The merchant has dealt with it.
    Processed,
}

/// What a buyer complains of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProblemType {
    /// The buyer wants money back.
    #[default]
    Refund,
    /// The service does not work.
    ServiceNotWork,
    /// Anything else.
    Others,
}

/// A complaint to make.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewComplaint {
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// What the buyer writes.
    pub complaint_detail: String,
    /// What the buyer complains of.
    pub problem_type: ProblemType,
    /// What the buyer chose from the list of problems.
    pub problem_description: String,
    /// How much the buyer wants back, in fen; all of it if absent.
    pub apply_refund_amount: Option<u64>,
    /// Whether the complaint comes without the buyer's phone number.
    pub without_phone: bool,
}

/// A complaint as the simulator shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComplaintEntry {
    /// WeChat's number of the complaint.
    pub complaint_id: String,
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// The state.
    pub complaint_state: ComplaintState,
    /// What happened, oldest first, by the names of WeChat's `operate_type`.
    pub history: Vec<String>,
    /// The merchant's replies, oldest first.
    pub replies: Vec<String>,
}

/// A complaint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Complaint {
    pub(crate) id: String,
    pub(crate) new: NewComplaint,
    pub(crate) state: ComplaintState,
    pub(crate) transaction_id: String,
    /// The order's amount in fen.
    pub(crate) amount: u64,
    pub(crate) openid: String,
    /// Unix milliseconds.
    pub(crate) created: u64,
    /// How many times the buyer has complained.
    pub(crate) times: u64,
    /// Whether the buyer wrote something that the merchant has not answered.
    pub(crate) user_responded: bool,
    /// Whether WeChat's own service deals with it.
    pub(crate) in_platform_service: bool,
    pub(crate) history: Vec<Negotiation>,
}

/// A step of a complaint's history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Negotiation {
    pub(crate) log_id: String,
    pub(crate) operator: Cow<'static, str>,
    /// Unix milliseconds.
    pub(crate) at: u64,
    pub(crate) operate_type: String,
    pub(crate) details: String,
}

impl Complaint {
    pub(crate) fn entry(&self) -> ComplaintEntry {
        let replies = self.history.iter().filter(|step| step.operate_type == MERCHANT_RESPONSE);
        ComplaintEntry {
            complaint_id: self.id.clone(),
            out_trade_no: self.new.out_trade_no.clone(),
            complaint_state: self.state,
            history: self.history.iter().map(|step| step.operate_type.clone()).collect(),
            replies: replies.map(|step| step.details.clone()).collect(),
        }
    }

    /// The merchant replies.
    pub(crate) fn reply(&mut self, text: &str, now: u64) {
        if self.state == ComplaintState::Pending {
            self.state = ComplaintState::Processing;
        }
        self.user_responded = false;
        self.note(MERCHANT, MERCHANT_RESPONSE, text, now);
    }

    /// The merchant has dealt with the complaint; `false` if that was said before.
    pub(crate) fn complete(&mut self, now: u64) -> bool {
        let completes = self.state != ComplaintState::Processed;
        if completes {
            self.state = ComplaintState::Processed;
            self.note(MERCHANT, "MERCHANT_CONFIRM_COMPLETE", "", now);
        }
        completes
    }

    /// The merchant approves of the refund, or rejects it, which ends the complaint.
    pub(crate) fn decide_refund(&mut self, approve: bool, text: &str, now: u64) {
        if approve {
            self.note(MERCHANT, "MERCHANT_APPROVE_REFUND", text, now);
            if self.state == ComplaintState::Pending {
                self.state = ComplaintState::Processing;
            }
        } else {
            self.note(MERCHANT, "MERCHANT_REJECT_REFUND", text, now);
            self.state = ComplaintState::Processed;
        }
    }

    /// What somebody else than the merchant does, by the name of a notice's `action_type`.
    pub(crate) fn act(&mut self, action_type: &str, text: &str, now: u64) {
        match action_type {
            "USER_RESPONSE" => self.user_responded = true,
            "CONTINUE_COMPLAINT" => {
                self.state = ComplaintState::Pending;
                self.times = self.times.saturating_add(1);
            }
            "USER_APPLY_PLATFORM_SERVICE" | "USER_APPLY_PLATFORM_SERIVCE" => self.in_platform_service = true,
            "USER_CANCEL_PLATFORM_SERVICE" | "PLATFORM_SERVICE_FINISHED" => self.in_platform_service = false,
            _ => {}
        }
        let operate_type = match action_type {
            "CONTINUE_COMPLAINT" => "USER_CONTINUE_COMPLAINT",
            "RESPONSE_BY_PLATFORM" => "PLATFORM_RESPONSE",
            other => other,
        };
        self.note(USER, operate_type, text, now);
    }

    fn note(&mut self, operator: &'static str, operate_type: &str, details: &str, now: u64) {
        self.history.push(Negotiation {
            log_id: format!("{}{}", self.id, self.history.len()),
            operator: Cow::Borrowed(operator),
            at: now,
            operate_type: operate_type.to_owned(),
            details: details.to_owned(),
        });
    }
}

/// All complaints about the merchant, oldest first, and where notices of them go.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Complaints {
    pub(crate) notify_url: Option<String>,
    complaints: Vec<Complaint>,
}

impl Complaints {
    pub(crate) fn all(&self) -> &[Complaint] {
        &self.complaints
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Complaint> {
        self.complaints.iter().find(|complaint| complaint.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Complaint> {
        self.complaints.iter_mut().find(|complaint| complaint.id == id)
    }

    /// Whether a complaint about this payment is not PROCESSED.
    pub(crate) fn is_open(&self, transaction_id: &str) -> bool {
        let is_open = |complaint: &Complaint| complaint.state != ComplaintState::Processed;
        self.complaints.iter().any(|known| known.transaction_id == transaction_id && is_open(known))
    }

    /// Makes a complaint about a payment; its number.
    pub(crate) fn create(
        &mut self,
        new: NewComplaint,
        payment: (&str, u64),
        openid: &str,
        now: u64,
    ) -> String {
        let id = format!("2002018{}{}", clock::pay_date(now), random::digits(&random::bytes::<12>()));
        let (transaction_id, amount) = payment;
        let mut complaint = Complaint {
            id: id.clone(),
            state: ComplaintState::Pending,
            transaction_id: transaction_id.to_owned(),
            amount,
            openid: openid.to_owned(),
            created: now,
            times: 1,
            user_responded: false,
            in_platform_service: false,
            history: Vec::new(),
            new,
        };
        let detail = complaint.new.complaint_detail.clone();
        complaint.note(USER, "USER_CREATE_COMPLAINT", &detail, now);
        self.complaints.push(complaint);
        id
    }
}

const MERCHANT: &str = "商家";
const USER: &str = "投诉人";
const MERCHANT_RESPONSE: &str = "MERCHANT_RESPONSE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reply_and_the_end_change_the_state_and_a_buyer_reopens_it() {
        let mut complaints = Complaints::default();
        let id = complaints.create(NewComplaint::default(), ("42", 101), "o1", 1_700_000_042_000);
        assert_eq!(id.len(), 27);
        assert!(complaints.is_open("42") && !complaints.is_open("43"));
        let complaint = complaints.get_mut(&id).unwrap();
        complaint.reply("您好", 1);
        assert_eq!(complaint.state, ComplaintState::Processing);
        assert!(complaint.complete(2) && !complaint.complete(3));
        complaint.act("CONTINUE_COMPLAINT", "还没有", 4);
        assert_eq!((complaint.state, complaint.times), (ComplaintState::Pending, 2));
        complaint.decide_refund(false, "已超过七天", 5);
        assert!(!complaints.is_open("42"));
    }
}
