//! Confirming refunds by the lines of a bill, with one conditional write for each line.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

use super::{Bills, CompareOutcome};
use crate::{
    host::dynamodb::UpdateItemFluentBuilder,
    pay::{BilledRefund, RefundLine, RefundStatus},
    store::{
        RefundRow, StoreError,
        item::{self, UpdateOutcome},
    },
    types::{Day, OutRefundNo},
};

impl Bills {
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
    ) -> Result<CompareOutcome<RefundRow>, StoreError> {
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
            .expression_attribute_values(":success", item::s(RefundStatus::Success.as_str()))
            .return_values_on_condition_check_failure(AllOld);
        let update = || item::update(&self.host, CONFIRMING, update.clone());
        Ok(match item::retry_transient(&self.host, update).await? {
            UpdateOutcome::Done(_) => CompareOutcome::Agrees,
            UpdateOutcome::ConditionFailed(None) => CompareOutcome::Unknown,
            UpdateOutcome::ConditionFailed(Some(row)) => CompareOutcome::Differs(Box::new(item::read(row)?)),
        })
    }

    /// Marks that the day's bill contains the refund, even if the line differs, so that the refund is not reported as missing there.
    ///
    /// Condition: the refund is recorded.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Repeating the call is harmless.
    pub async fn mark_refund_billed(&self, day: Day, out_refund_no: &OutRefundNo) -> Result<(), StoreError> {
        let update = self.refund(day, out_refund_no).condition_expression("attribute_exists(out_refund_no)");
        let update = || item::update(&self.host, CONFIRMING, update.clone());
        item::retry_transient(&self.host, update).await.map(drop)
    }

    fn refund(&self, day: Day, out_refund_no: &OutRefundNo) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.refunds);
        // Applying it twice changes nothing.
        update
            .key("out_refund_no", item::s(out_refund_no))
            .update_expression("SET billed_on = :day REMOVE unbilled")
            .expression_attribute_values(":day", item::s(day))
    }
}

const CONFIRMING: &str = "confirming by a bill";
