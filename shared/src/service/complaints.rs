//! Complaints here and at WeChat Pay: fetches them, keeps their state with both deadlines, and opens a case for each.
//!
//! What WeChat Pay says wins over what is stored, unless it is older. A notice says only which complaint changed, so notices that are lost,
//! repeated or late do no harm. A complaint that ends closes its case, wherever it was dealt with.

use super::merchant::pay_client;
use crate::{
    host::{Host, HostError},
    pay::{Complaint, ComplaintState, PayClient, PayError},
    store::{Case, CaseKind, Cases, ComplaintRow, Complaints, StoreError},
    types::{ComplaintId, OperatorArn, UnixSeconds},
};

/// A complaint could not be fetched, answered or recorded.
#[derive(Debug, thiserror::Error)]
pub enum ComplaintError {
    /// WeChat Pay refuses or does not answer.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Fetches complaints and keeps their state.
pub struct ComplaintService {
    /// The client of WeChat Pay.
    pub pay: PayClient,
    /// The table of complaints.
    pub store: Complaints,
    cases: Cases,
    host: Host,
}

impl ComplaintService {
    /// [`pay_client`], [`Complaints::new`] and [`Cases::new`] read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            pay: pay_client(host)?,
            store: Complaints::new(host)?,
            cases: Cases::new(host)?,
            host: host.clone(),
        })
    }

    /// Fetches the complaint and records it; `None` if WeChat Pay does not know it.
    ///
    /// # Errors
    /// [`ComplaintError`]; an earlier case may be closed and the row not be written. Fetching again repairs that.
    pub async fn fetch(&self, id: &ComplaintId) -> Result<Option<(Complaint, ComplaintRow)>, ComplaintError> {
        let fetched_at = self.host.now();
        let Some(complaint) = self.pay.complaint(id).await? else { return Ok(None) };
        let row = self.record(&complaint, fetched_at).await?;
        Ok(Some((complaint, row)))
    }

    /// Records what WeChat Pay has said at `fetched_at`, opens a case if the buyer has complained since, and closes it if the complaint has
    /// ended; the row as it is then.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The case may be closed and the row not be written. Repeating it is harmless.
    pub async fn record(
        &self,
        complaint: &Complaint,
        fetched_at: UnixSeconds,
    ) -> Result<ComplaintRow, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.store.get(&complaint.complaint_id).await?;
            let is_newer = |row: &&ComplaintRow| row.is_newer_than(complaint.times, fetched_at);
            if let Some(newer) = stored.as_ref().filter(is_newer) {
                return Ok(newer.clone());
            }
            let row = ComplaintRow::merged(stored.as_ref(), complaint, fetched_at);
            self.close_cases(stored.as_ref(), &row).await?;
            let is_stored = if opens_case(stored.as_ref(), &row) {
                self.store.put_with_case(&row, &case_of(&row)).await?
            } else {
                self.store.put(&row).await?
            };
            if is_stored {
                return Ok(row);
            }
        }
        Err(StoreError::contended("storing a complaint"))
    }

    /// Closes the case of a complaint that an operator has ended. A case that is closed already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Repeating it is harmless.
    pub async fn close_case(
        &self,
        row: &ComplaintRow,
        note: &str,
        operator: &OperatorArn,
    ) -> Result<(), StoreError> {
        self.cases.close(&case_of(row).case_id, note, Some(operator)).await.map(drop)
    }

    /// Closes the case of a complaint that goes on from `stored` to `row`, if it has ended or the buyer has complained again.
    async fn close_cases(&self, stored: Option<&ComplaintRow>, row: &ComplaintRow) -> Result<(), StoreError> {
        let Some(known) = stored.filter(|known| known.state != ComplaintState::Processed) else {
            return Ok(());
        };
        if row.times > known.times {
            self.close_settled(known, "the buyer has complained again, which is another case").await?;
        } else if row.state == ComplaintState::Processed {
            self.close_settled(row, "WeChat Pay says that the complaint has ended").await?;
        }
        Ok(())
    }

    async fn close_settled(&self, row: &ComplaintRow, note: &str) -> Result<(), StoreError> {
        self.cases.close(&case_of(row).case_id, note, None).await.map(drop)
    }
}

/// Whether the buyer has complained for the first time or again, and waits.
fn opens_case(stored: Option<&ComplaintRow>, row: &ComplaintRow) -> bool {
    let is_new = stored.is_none_or(|known| row.times > known.times);
    is_new && row.state != ComplaintState::Processed
}

/// Attempts at a row while others write it.
const MAX_ATTEMPTS: usize = 5;

/// The case of the buyer's last complaint.
fn case_of(row: &ComplaintRow) -> Case {
    let about = match row.times {
        0 | 1 => row.complaint_id.to_string(),
        times => format!("{}-{times}", row.complaint_id),
    };
    let what = format!(
        "a buyer complains of a payment: reply by {}, resolve by {}",
        row.reply_by().to_rfc3339(),
        row.resolve_by().to_rfc3339()
    );
    Case {
        order_id: row.order_id,
        out_trade_no: row.out_trade_no,
        transaction_id: row.transaction_id.clone(),
        ..Case::new(CaseKind::Complaint, &about, what, row.waits_since)
    }
}
