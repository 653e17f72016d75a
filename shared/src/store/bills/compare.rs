//! Comparing the payments of a bill with those that are recorded: a hundred in one request, and without a write, because a large bill has
//! millions.

use std::collections::HashMap;

use serde::{Deserialize, de::DeserializeOwned};

use super::Bills;
use crate::{
    pay::PaymentLine,
    store::{
        PaymentRow, StoreError, batch,
        item::{self, Item},
    },
    types::OpenId,
};

/// How a line of a bill compares with our tables.
#[derive(Debug)]
pub enum CompareOutcome<Row> {
    /// The row agrees with the line.
    Agrees,
    /// The row differs from the line; nothing was changed.
    Differs(Box<Row>),
    /// There is no such row.
    Unknown,
}

/// The part of a payment's row that a bill's line is compared with.
#[derive(Deserialize)]
struct RecordedPayment {
    out_trade_no: String,
    total_fee: u64,
    currency: String,
    openid: Option<OpenId>,
}

impl RecordedPayment {
    fn agrees_with(&self, line: &PaymentLine) -> bool {
        let differ = |(one, other): (&OpenId, &OpenId)| one != other;
        self.out_trade_no == line.out_trade_no
            && self.total_fee == line.total_fee
            && self.currency == line.currency
            && !self.openid.as_ref().zip(line.openid.as_ref()).is_some_and(differ)
    }
}

impl From<&PaymentRow> for RecordedPayment {
    fn from(row: &PaymentRow) -> Self {
        let PaymentRow { out_trade_no, total_fee, currency, openid, .. } = row;
        Self {
            out_trade_no: out_trade_no.to_string(),
            total_fee: *total_fee,
            currency: currency.clone(),
            openid: openid.clone(),
        }
    }
}

impl Bills {
    /// Compares the lines with the rows of their payments, and returns them in their order. A row agrees with a line if it has the line's
    /// attempt, sum and currency and, if the line and the row name one, its payer.
    ///
    /// None of that changes in a row, except that a payer is removed. So a row that agrees although it was read a moment behind does agree,
    /// and only the others are read again, as they are now.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn compare_payments(
        &self,
        lines: Vec<PaymentLine>,
    ) -> Result<Vec<(PaymentLine, CompareOutcome<PaymentRow>)>, StoreError> {
        let (clients, key) = ((&self.client, &self.host), (self.payments.as_str(), KEY));
        let numbers = || lines.iter().map(number_of);
        let read = || batch::get_attributes(clients, COMPARING, key, numbers(), COMPARED);
        let recorded: HashMap<_, RecordedPayment> =
            by_number(item::retry_transient(&self.host, read).await?)?;
        let agrees = |line: &PaymentLine| {
            recorded.get(line.transaction_id.as_str()).is_some_and(|row| row.agrees_with(line))
        };
        let others = || lines.iter().filter(|line| !agrees(line)).map(number_of);
        let read = || batch::get_many(clients, COMPARING, key, others());
        let rows: HashMap<_, PaymentRow> = by_number(item::retry_transient(&self.host, read).await?)?;
        let compare = |line: PaymentLine| {
            let outcome = match rows.get(line.transaction_id.as_str()) {
                _ if agrees(&line) => CompareOutcome::Agrees,
                None => CompareOutcome::Unknown,
                Some(row) if RecordedPayment::from(row).agrees_with(&line) => CompareOutcome::Agrees,
                Some(row) => CompareOutcome::Differs(Box::new(row.clone())),
            };
            (line, outcome)
        };
        Ok(lines.into_iter().map(compare).collect())
    }
}

fn number_of(line: &PaymentLine) -> String {
    line.transaction_id.as_str().to_owned()
}

fn by_number<Row: DeserializeOwned>(items: Vec<Item>) -> Result<HashMap<String, Row>, StoreError> {
    let rows = items.into_iter().map(|item| {
        let number = item::key(&item, KEY).ok_or_else(|| StoreError::new(COMPARING, "an item has no key"))?;
        Ok((number, item::read(item)?))
    });
    rows.collect()
}

const COMPARING: &str = "comparing with a bill";
const KEY: &str = "transaction_id";
/// The attributes of [`RecordedPayment`], and the key.
const COMPARED: &str = "transaction_id, out_trade_no, total_fee, currency, openid";
