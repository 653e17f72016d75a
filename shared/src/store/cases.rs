//! `CASES_TABLE`: the cases that only an operator can decide, a row for each. A case is opened once and stays after it is closed.
//!
//! Key `case_id`: the kind, a hyphen, and the number of what the case is about, in characters that need no encoding in a path.
//! Older cases have a `#` instead of the hyphen. The index `by_kind` (`open_kind`, `opened_at`) lists the open cases.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, builders::PutBuilder};
use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    item::{self, UpdateOutcome},
};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    telemetry::{self, Metric},
    types::{OperatorArn, OrderId, OutRefundNo, OutTradeNo, TransactionId, UnixSeconds},
};

/// The kind of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaseKind {
    /// A payment of another amount, currency or payer than the order's.
    PaymentMismatch,
    /// What WeChat Pay says of an order contradicts our tables.
    OrderDisputed,
    /// A refund can't reach the user, or WeChat Pay refuses it.
    RefundStuck,
    /// A line of WeChat Pay's bill differs from our tables.
    BillDifference,
    /// More of a product was sold than its stock.
    Oversold,
    /// WeChat does not take the shipping information of an order.
    ShippingRefused,
    /// A paid order is not shipped in time.
    NotShipped,
    /// WeChat does not release the money of an order that is shipped.
    Frozen,
    /// A buyer complains of a payment, and WeChat waits for the merchant's answer.
    Complaint,
}

impl CaseKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::PaymentMismatch,
        Self::OrderDisputed,
        Self::RefundStuck,
        Self::BillDifference,
        Self::Oversold,
        Self::ShippingRefused,
        Self::NotShipped,
        Self::Frozen,
        Self::Complaint,
    ];

    /// The name that is stored and answered.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentMismatch => "PAYMENT_MISMATCH",
            Self::OrderDisputed => "ORDER_DISPUTED",
            Self::RefundStuck => "REFUND_STUCK",
            Self::BillDifference => "BILL_DIFFERENCE",
            Self::Oversold => "OVERSOLD",
            Self::ShippingRefused => "SHIPPING_REFUSED",
            Self::NotShipped => "NOT_SHIPPED",
            Self::Frozen => "FROZEN",
            Self::Complaint => "COMPLAINT",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A case, which only an operator can decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The key: the kind and the number of what the case is about, in characters that need no encoding in a path (RFC 3986,
    /// "unreserved").
    pub case_id: String,
    /// The kind.
    pub kind: CaseKind,
    /// A description in English, without personal data.
    pub what: String,
    /// The order, if it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_trade_no: Option<OutTradeNo>,
    /// The payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<TransactionId>,
    /// The refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_refund_no: Option<OutRefundNo>,
    /// When the case was opened.
    pub opened_at: UnixSeconds,
    /// When the case was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<UnixSeconds>,
    /// The operator who closed the case; `None` if nothing was left to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<OperatorArn>,
    /// The note at closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Case {
    /// A new case of `kind`, about the number `about`.
    #[must_use]
    pub fn new(
        kind: CaseKind,
        about: &dyn std::fmt::Display,
        what: impl Into<String>,
        now: UnixSeconds,
    ) -> Self {
        Self {
            case_id: format!("{}-{}", kind.as_str(), unreserved(&about.to_string())),
            kind,
            what: what.into(),
            order_id: None,
            out_trade_no: None,
            transaction_id: None,
            out_refund_no: None,
            opened_at: now,
            closed_at: None,
            closed_by: None,
            note: None,
        }
    }
}

/// The text in unreserved characters. Every other byte becomes a full stop and two hexadecimal digits. So does the full stop
/// itself, so that different texts stay different.
fn unreserved(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => safe.push(char::from(byte)),
            byte => safe.push_str(&format!(".{byte:02X}")),
        }
    }
    safe
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    case: &'a Case,
    open_kind: &'static str,
}

/// Some of the open cases of a kind.
pub struct CasePage {
    /// The cases, the oldest first.
    pub cases: Vec<Case>,
    /// The beginning of the next page, if there is one.
    pub cursor: Option<CaseCursor>,
}

/// A position in the list of open cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseCursor {
    /// The id of the last case that was read.
    pub case_id: String,
    /// When that case was opened.
    pub opened_at: UnixSeconds,
}

/// What came of closing a case.
#[derive(Debug)]
pub enum CloseCaseOutcome {
    /// The case is closed, by this call or an earlier one; the case as it is.
    Closed(Box<Case>),
    /// There is no such case.
    Unknown,
}

/// The part of a transaction that opens the case. Another part of the transaction must have a condition that holds only once. Call
/// [`count_opened`] after the transaction.
pub(super) fn put_case(host: &Host, case: &Case) -> Result<TransactWriteItem, StoreError> {
    part(put_builder(host, case)?)
}

/// The part of a transaction that opens the case. Its condition is that there is no such case, open or closed. Call
/// [`count_opened`] after the transaction.
pub(super) fn put_new_case(host: &Host, case: &Case) -> Result<TransactWriteItem, StoreError> {
    part(put_builder(host, case)?.condition_expression("attribute_not_exists(case_id)"))
}

/// Counts a newly opened case in a metric, because an alarm watches the number of each kind.
pub(super) fn count_opened(case: &Case) {
    telemetry::record_metric(Metric::CaseOpened(case.kind.as_str()));
}

/// The write of the case's row, without a condition. Reads `CASES_TABLE`.
fn put_builder(host: &Host, case: &Case) -> Result<PutBuilder, StoreError> {
    let table = host.var("CASES_TABLE").map_err(|error| StoreError::new(OPENING, error))?;
    Ok(Put::builder().table_name(table).set_item(Some(row(case)?)))
}

fn part(put: PutBuilder) -> Result<TransactWriteItem, StoreError> {
    let put = put.build().map_err(|error| StoreError::new(OPENING, error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

fn row(case: &Case) -> Result<item::Item, StoreError> {
    item::write(&Row { case, open_kind: case.kind.as_str() })
}

/// The table.
pub struct Cases {
    client: Client,
    table: String,
    host: Host,
}

impl Cases {
    /// Reads `CASES_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { client: host.dynamodb()?, table: host.var("CASES_TABLE")?.to_owned(), host: host.clone() })
    }

    /// Opens the case and counts it, unless there is such a case; whether the case is new.
    ///
    /// Condition: there is no case with this id, open or closed, or the stored case is this very one, which an attempt has opened
    /// whose answer was lost.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Nothing was written, or the case was opened and the answer lost. Open
    /// it again.
    pub async fn open(&self, case: &Case) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row(case)?))
            .condition_expression(
                "attribute_not_exists(case_id) OR (attribute_exists(open_kind) AND opened_at = :now AND what = :what)",
            )
            .expression_attribute_values(":now", item::n(case.opened_at.get()))
            .expression_attribute_values(":what", item::s(&case.what));
        match put.send().await {
            Ok(_) => {
                count_opened(case);
                Ok(true)
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|service| service.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::from_sdk(OPENING, error)),
        }
    }

    /// The open cases of `kind`, the oldest first, after `cursor`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_open(
        &self,
        kind: CaseKind,
        cursor: Option<&CaseCursor>,
    ) -> Result<CasePage, StoreError> {
        let start = cursor.map(|cursor| {
            item::Item::from([
                ("open_kind".to_owned(), item::s(kind.as_str())),
                ("opened_at".to_owned(), item::n(cursor.opened_at.get())),
                ("case_id".to_owned(), item::s(&cursor.case_id)),
            ])
        });
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_kind")
            .key_condition_expression("open_kind = :kind")
            .expression_attribute_values(":kind", item::s(kind.as_str()))
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing cases", error))?;
        let more = page.last_evaluated_key.is_some();
        let cases: Vec<Case> =
            page.items.unwrap_or_default().into_iter().map(item::read).collect::<Result<_, _>>()?;
        let cursor = cases.last().filter(|_| more);
        let cursor =
            cursor.map(|case| CaseCursor { case_id: case.case_id.clone(), opened_at: case.opened_at });
        Ok(CasePage { cases, cursor })
    }

    /// Closes the case with a note, by an operator, or by nobody if nothing is left to decide. A case that is closed already keeps its
    /// first note and operator.
    ///
    /// Condition: the case exists and is open.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn close(
        &self,
        case_id: &str,
        note: &str,
        operator: Option<&OperatorArn>,
    ) -> Result<CloseCaseOutcome, StoreError> {
        let set_operator = if operator.is_some() { ", closed_by = :operator" } else { "" };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("case_id", item::s(case_id))
            .update_expression(format!("SET closed_at = :now, note = :note{set_operator} REMOVE open_kind"))
            .condition_expression("attribute_exists(open_kind)")
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .expression_attribute_values(":note", AttributeValue::S(note.to_owned()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .return_values_on_condition_check_failure(
                aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
            );
        if let Some(operator) = operator {
            update = update.expression_attribute_values(":operator", item::s(operator));
        }
        match item::update(&self.host, "closing a case", update).await? {
            UpdateOutcome::Done(item) | UpdateOutcome::ConditionFailed(Some(item)) => {
                Ok(CloseCaseOutcome::Closed(Box::new(item::read(item)?)))
            }
            UpdateOutcome::ConditionFailed(None) => Ok(CloseCaseOutcome::Unknown),
        }
    }
}

const OPENING: &str = "opening a case";
/// How many cases a page has.
const PAGE: i32 = 50;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(about: &str) -> String {
        Case::new(CaseKind::RefundStuck, &about, "", UnixSeconds::new(0)).case_id
    }

    #[test]
    fn a_case_s_id_follows_from_its_kind_and_number() {
        for (about, case_id) in [
            ("50300806962021102711080711530", "REFUND_STUCK-50300806962021102711080711530"),
            ("R_1-2|3*4@5", "REFUND_STUCK-R_1-2.7C3.2A4.405"),
            ("20260823-AMOUNT-4200001", "REFUND_STUCK-20260823-AMOUNT-4200001"),
            ("a.b#c", "REFUND_STUCK-a.2Eb.23c"),
        ] {
            assert_eq!(id(about), case_id);
        }
    }

    proptest! {
        #[test]
        fn a_case_s_id_stands_in_a_path_as_it_is_and_is_one_number_s(one in ".{0,40}", other in ".{0,40}") {
            let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            prop_assert!(id(&one).bytes().all(unreserved), "{}", id(&one));
            prop_assert_eq!(id(&one) == id(&other), one == other);
        }
    }
}
