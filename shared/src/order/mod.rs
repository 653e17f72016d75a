//! Orders without tables and without network: which status may follow which, and what a payment means for an order.

mod state;

pub use state::{LatePayment, LatePaymentError, Standing, Status, Verdict, judge};
