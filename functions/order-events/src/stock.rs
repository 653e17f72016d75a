//! The effect on stock: the goods of a paid order that does not hold them leave it, exactly once.

use shared::{
    host::{Host, HostError},
    service::EventError,
    store::{Order, Outbox, StockOutcome},
    telemetry,
};

/// Takes goods from stock.
pub(crate) struct StockTaker {
    outbox: Outbox,
}

impl StockTaker {
    /// Makes the table, which reads the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self { outbox: Outbox::new(host)? })
    }

    /// Takes the goods of the paid `order` from stock, and marks the event in the same transaction. Goods that were taken before
    /// are not taken again.
    ///
    /// # Errors
    /// [`EventError`]: the goods may have been taken. Taking them again is safe because of the mark.
    pub(crate) async fn take_stock(&self, event_id: &str, order: &Order) -> Result<(), EventError> {
        let taken = self.outbox.take_stock(event_id, order).await;
        match taken.map_err(|cause| EventError::at("taking stock", event_id, cause))? {
            StockOutcome::Oversold(_) => telemetry::operator_alert("product-oversold", &order.order_id),
            StockOutcome::Taken | StockOutcome::AlreadyTaken => {}
        }
        Ok(())
    }
}
