//! The ways in which a test makes a bill differ from the ledger.

use serde::{Deserialize, Deserializer, de};

use crate::core::clock;

/// A difference between the bill and the ledger. In JSON: `{"change": "<name in snake case>", …fields}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum BillChange {
    /// The payment and the refunds of this order are missing.
    Omit {
        /// The merchant's number of the order.
        out_trade_no: String,
    },
    /// The payment of this order has another amount.
    AlterAmount {
        /// The merchant's number of the order.
        out_trade_no: String,
        /// Fen.
        fee: u64,
    },
    /// The bill has a payment that the ledger does not have.
    AddForeign {
        /// WeChat's number of the payment.
        transaction_id: String,
        /// The merchant's number of the order.
        out_trade_no: String,
        /// Fen.
        fee: u64,
        /// The payer.
        openid: String,
        /// The time of payment, in unix milliseconds; the time of the change if absent. In JSON it is RFC 3339 with an offset.
        #[serde(default, deserialize_with = "moment")]
        paid_at: Option<u64>,
        /// The appid of another mini program of the merchant that was paid; this mini program's if absent.
        #[serde(default)]
        appid: Option<String>,
    },
    /// WeChat Pay's charge for the payment of this order is a fen too high.
    WrongFee {
        /// The merchant's number of the order.
        out_trade_no: String,
    },
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = clock::parse_rfc3339(&text);
    moment.map(Some).ok_or_else(|| de::Error::custom("paid_at is like 2015-05-20T13:29:35+08:00"))
}
