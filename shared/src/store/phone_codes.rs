//! The codes of the phone-number button, in `IDEMPOTENCY_TABLE`. Each code is exchanged once, because WeChat charges for each
//! exchange.
//!
//! Key `id` (`phone#` and the code's hash). Index `by_user` (`user_id`) finds what is a user's. A row expires after an hour; the code itself is valid for five minutes.

use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update};
use serde::{Deserialize, Serialize};

use super::{
    CallerError, StoreError,
    item::{self, TransactionCancelled},
    sessions,
    users::{Phone, Users},
};
use crate::{
    crypto::{hex, sha256},
    host::{Host, HostError, dynamodb::Client},
    types::{Caller, UnixSeconds, UserId},
};

/// The status of a code that a request contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneCodeStatus {
    /// The code is new: this request has claimed it and may exchange it.
    New,
    /// Another request of the same user is exchanging the code, or was killed while it did.
    Pending,
    /// The code was exchanged for the same user, whose record has the number.
    Exchanged,
    /// Another user has sent the code.
    Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Pending,
    Exchanged,
}

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    user_id: UserId,
    state: State,
    expires_at: UnixSeconds,
}

/// The table of codes.
pub struct PhoneCodes {
    client: Client,
    table: String,
    sessions: String,
    host: Host,
}

impl PhoneCodes {
    /// Reads `IDEMPOTENCY_TABLE` and `SESSIONS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("IDEMPOTENCY_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Claims the code for this request, if it is new; the code's status.
    ///
    /// Condition: the code has no row, and the caller's session honours the token.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
    pub async fn claim(&self, code: &str, caller: &Caller) -> Result<PhoneCodeStatus, CallerError> {
        let row = Row {
            id: id(code),
            user_id: caller.user_id.clone(),
            state: State::Pending,
            expires_at: self.host.now().plus(ROW_LIFETIME),
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item::write(&row)?))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| StoreError::new(CLAIMING, error))?;
        let parts = vec![TransactWriteItem::builder().put(put).build()];
        let (written_by, checked) = ((&self.client, &self.host), (self.sessions.as_str(), caller));
        let failed = sessions::transact_for_caller(written_by, CLAIMING, checked, parts).await?;
        let Some(reasons) = failed else { return Ok(PhoneCodeStatus::New) };
        let known = item::failed_condition(&reasons, 0).flatten().map(item::read::<Row>).transpose()?;
        Ok(match known {
            Some(known) if known.user_id != caller.user_id => PhoneCodeStatus::Foreign,
            Some(Row { state: State::Exchanged, .. }) => PhoneCodeStatus::Exchanged,
            _ => PhoneCodeStatus::Pending,
        })
    }

    /// Removes the claim, so that another request can exchange the code. Call this only if WeChat has not used up the code.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. The row stays, and the user taps again.
    pub async fn release(&self, code: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("id", item::s(id(code)));
        delete.send().await.map(|_| ()).map_err(|error| StoreError::from_sdk("giving a code back", error))
    }

    /// Stores the number with the user and marks the code as exchanged, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. Or there is no such user.
    pub async fn store_exchanged(
        &self,
        code: &str,
        users: &Users,
        user_id: &UserId,
        phone: &Phone,
    ) -> Result<(), StoreError> {
        let done = Update::builder()
            .table_name(&self.table)
            .key("id", item::s(id(code)))
            .update_expression("SET #state = :done")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":done", item::s("EXCHANGED"))
            .condition_expression("attribute_exists(id)")
            .build()
            .map_err(|error| StoreError::new(STORING, error))?;
        let parts = vec![
            TransactWriteItem::builder().update(done).build(),
            TransactWriteItem::builder().update(users.phone_update(user_id, phone)?).build(),
        ];
        for _ in 0..ROUNDS {
            let request = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = request.send().await else { return Ok(()) };
            match item::cancellation(STORING, error)? {
                TransactionCancelled::Conflict => item::sleep_jittered(&self.host).await,
                TransactionCancelled::ConditionsFailed(_) => {
                    return Err(StoreError::new(STORING, "the user or the code is gone"));
                }
            }
        }
        Err(StoreError::contended(STORING))
    }
}

fn id(code: &str) -> String {
    format!("phone#{}", hex(&sha256(code.as_bytes())))
}

const CLAIMING: &str = "claiming a code";
const STORING: &str = "storing a phone number";
/// How long a code's row is stored.
const ROW_LIFETIME: Duration = Duration::from_secs(60 * 60);
const ROUNDS: usize = 5;
