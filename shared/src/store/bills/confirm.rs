//! Confirming payments and refunds by the lines of a bill, with one conditional write for each line.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use serde::de::DeserializeOwned;

use super::Bills;
use crate::{
    host::dynamodb::UpdateItemFluentBuilder,
    pay::{BilledRefund, PaymentLine, RefundLine, RefundStatus},
    store::{
        PaymentRow, RefundRow, StoreError,
        item::{self, UpdateOutcome},
    },
    types::{Day, OutRefundNo, TransactionId},
};

/// How a line of a bill compares with our tables.
#[derive(Debug)]
pub enum ConfirmOutcome<Row> {
    /// The row agrees with the line, and is confirmed now.
    Agrees,
    /// The row differs from the line; nothing was changed.
    Differs(Box<Row>),
    /// There is no such row.
    Unknown,
}

impl Bills {
    /// Confirms the payment.
    ///
    /// Condition: the payment is recorded, with the attempt, sum and currency of the line and, if the line and the row name one,
    /// the payer.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the payment may be confirmed; repeating the call is
    /// harmless.
    pub async fn confirm_payment(
        &self,
        day: Day,
        line: &PaymentLine,
    ) -> Result<ConfirmOutcome<PaymentRow>, StoreError> {
        let condition = "attribute_exists(transaction_id) AND total_fee = :fee AND out_trade_no = :no \
                         AND currency = :currency";
        let update = self.payment(day, &line.transaction_id);
        let update = match &line.openid {
            None => update.condition_expression(condition),
            Some(openid) => update
                .condition_expression(format!(
                    "{condition} AND (attribute_not_exists(openid) OR openid = :openid)"
                ))
                .expression_attribute_values(":openid", item::s(openid.as_str())),
        };
        let update = update
            .expression_attribute_values(":fee", item::n(line.total_fee))
            .expression_attribute_values(":no", item::s(&line.out_trade_no))
            .expression_attribute_values(":currency", item::s(&line.currency));
        self.confirm(update).await
    }

    /// Confirms the refund `out_refund_no`, which the line names.
    ///
    /// Condition: the refund is recorded, with the payment and sum of the line, and is SUCCESS if, and only if, the line says so.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the refund may be confirmed; repeating the call is
    /// harmless.
    pub async fn confirm_refund(
        &self,
        day: Day,
        out_refund_no: &OutRefundNo,
        line: &RefundLine,
    ) -> Result<ConfirmOutcome<RefundRow>, StoreError> {
        let is_through = if line.state == BilledRefund::Success { "=" } else { "<>" };
        let update = self
            .refund(day, out_refund_no)
            .condition_expression(format!(
                "attribute_exists(out_refund_no) AND refund_fee = :fee AND transaction_id = :transaction \
                 AND #status {is_through} :success"
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":fee", item::n(line.refund_fee))
            .expression_attribute_values(":transaction", item::s(&line.transaction_id))
            .expression_attribute_values(":success", item::s(RefundStatus::Success.as_str()));
        self.confirm(update).await
    }

    /// Marks that the day's bill contains the payment, even if the line differs, so that the payment is not reported as missing there.
    ///
    /// Condition: the payment is recorded.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Repeating the call is harmless.
    pub async fn mark_payment_billed(
        &self,
        day: Day,
        transaction_id: &TransactionId,
    ) -> Result<(), StoreError> {
        let known = "attribute_exists(transaction_id)";
        self.found(self.payment(day, transaction_id).condition_expression(known)).await
    }

    /// Marks that the day's bill contains the refund, even if the line differs, so that the refund is not reported as missing there.
    ///
    /// Condition: the refund is recorded.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Repeating the call is harmless.
    pub async fn mark_refund_billed(&self, day: Day, out_refund_no: &OutRefundNo) -> Result<(), StoreError> {
        let known = "attribute_exists(out_refund_no)";
        self.found(self.refund(day, out_refund_no).condition_expression(known)).await
    }

    fn payment(&self, day: Day, transaction_id: &TransactionId) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.payments);
        billed(update.key("transaction_id", item::s(transaction_id)), day)
    }

    fn refund(&self, day: Day, out_refund_no: &OutRefundNo) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.refunds);
        billed(update.key("out_refund_no", item::s(out_refund_no)), day)
    }

    async fn confirm<Row: DeserializeOwned>(
        &self,
        update: UpdateItemFluentBuilder,
    ) -> Result<ConfirmOutcome<Row>, StoreError> {
        let update = update.return_values_on_condition_check_failure(AllOld);
        let update = || item::update(&self.host, CONFIRMING, update.clone());
        Ok(match item::retry_transient(&self.host, update).await? {
            UpdateOutcome::Done(_) => ConfirmOutcome::Agrees,
            UpdateOutcome::ConditionFailed(None) => ConfirmOutcome::Unknown,
            UpdateOutcome::ConditionFailed(Some(row)) => ConfirmOutcome::Differs(Box::new(item::read(row)?)),
        })
    }

    async fn found(&self, update: UpdateItemFluentBuilder) -> Result<(), StoreError> {
        let update = || item::update(&self.host, CONFIRMING, update.clone());
        item::retry_transient(&self.host, update).await.map(drop)
    }
}

/// Adds the expressions that mark a row as confirmed by the bill of `day`. Applying them twice changes nothing.
fn billed(update: UpdateItemFluentBuilder, day: Day) -> UpdateItemFluentBuilder {
    update
        .update_expression("SET billed_on = :day REMOVE unbilled")
        .expression_attribute_values(":day", item::s(day))
}

const CONFIRMING: &str = "confirming by a bill";
