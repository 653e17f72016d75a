//! `CHALLENGES_TABLE`: challenges for fingerprints and faces, and the counters of phones.
//!
//! Key `challenge`. Index `by_user` (`user_id`) finds what is a user's. The key of a challenge is the challenge itself; the key of a phone's counter is `count#`, the user and the hash
//! of the phone's `cpu_id`. A challenge expires after five minutes. A counter expires thirty days after its last use, because a
//! phone with a new key begins at one again and must not be refused for ever. No result can be used twice after that either,
//! because its challenge is used up.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    types::{Put, ReturnValue::AllOld, TransactWriteItem, Update},
};
use serde::{Deserialize, Serialize};

use super::{CallerError, StoreError, item, sessions};
use crate::{
    crypto::{hex, sha256},
    host::{Host, HostError, dynamodb::Client},
    types::{Caller, UnixSeconds, UserId},
    wechat::SoterResult,
};

/// The action that a user confirms with a fingerprint or a face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of action, such as `pay`.
    pub purpose: String,
    /// The details of the action, such as an order and its amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    challenge: String,
    user_id: UserId,
    #[serde(flatten)]
    intent: Intent,
    expires_at: UnixSeconds,
}

/// The table of challenges.
pub struct Challenges {
    client: Client,
    table: String,
    sessions: String,
    host: Host,
}

impl Challenges {
    /// The time from issuing a challenge to its expiry.
    pub const LIFETIME: Duration = Duration::from_secs(300);

    /// Reads `CHALLENGES_TABLE` and `SESSIONS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("CHALLENGES_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// Issues a challenge for the caller and this intent: 256 random bits in hexadecimal.
    ///
    /// Condition: the caller's session honours the token. The challenge itself needs none, because no other challenge has the same bits,
    /// and the same request again writes the same row.
    ///
    /// # Errors
    /// [`CallerError`]: the token is void, there is no randomness, or DynamoDB failed; `is_transient()` of its [`StoreError`] says whether to
    /// retry. A retry issues another challenge, and the first one expires unused.
    pub async fn issue(&self, caller: &Caller, intent: Intent) -> Result<String, CallerError> {
        let random = self.host.random::<BYTES>().map_err(|error| StoreError::new(ISSUING, error))?;
        let challenge = hex(&random);
        let expires_at = self.host.now().plus(Self::LIFETIME);
        let row = Row { challenge: challenge.clone(), user_id: caller.user_id.clone(), intent, expires_at };
        let put = Put::builder().table_name(&self.table).set_item(Some(item::write(&row)?)).build();
        let put = put.map_err(|error| StoreError::new(ISSUING, error))?;
        let parts = vec![TransactWriteItem::builder().put(put).build()];
        let checked = (self.sessions.as_str(), caller);
        sessions::transact_for_caller((&self.client, &self.host), ISSUING, checked, parts).await?;
        Ok(challenge)
    }

    /// Uses up the challenge; the intent that it was issued for. `None` if the challenge does not exist, is another user's, has
    /// expired or was used before.
    ///
    /// Condition: the challenge exists, is this user's and has not expired. If the answer is lost, the repeated request returns
    /// `None`: the user must confirm again, but no challenge is used twice.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the challenge may be used up.
    pub async fn redeem(&self, challenge: &str, user_id: &UserId) -> Result<Option<Intent>, StoreError> {
        if !is_challenge(challenge) {
            return Ok(None);
        }
        let result = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("challenge", item::s(challenge))
            .condition_expression("user_id = :user AND expires_at > :now")
            .expression_attribute_values(":user", item::s(user_id))
            .expression_attribute_values(":now", item::n(self.host.now().get()))
            .return_values(AllOld)
            .send()
            .await;
        match result {
            Ok(burnt) => {
                let row: Option<Row> = burnt.attributes.map(item::read).transpose()?;
                Ok(row.map(|row| row.intent))
            }
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(StoreError::from_sdk("using up a challenge", error)),
            },
        }
    }

    /// Stores the phone's counter; `false` if the counter is not greater than the stored one, so that the result is an old one. `true`
    /// without a write if the phone names no counter or no `cpu_id`.
    ///
    /// Condition: the counter is greater than the stored one, or the stored one has expired. The row names the challenge, so that
    /// the same request again, after a lost answer, succeeds too. The caller's session honours the token.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
    pub async fn record_counter(&self, caller: &Caller, result: &SoterResult) -> Result<bool, CallerError> {
        let SoterResult { raw, counter: Some(counter), cpu_id: Some(cpu_id), .. } = result else {
            let session = sessions::get(&self.client, &self.sessions, &caller.openid).await?;
            return sessions::honoured(session.as_ref(), caller).map(|()| true);
        };
        let now = self.host.now();
        let key = format!("count#{}#{}", caller.user_id, hex(&sha256(cpu_id.as_bytes())));
        let update = Update::builder()
            .table_name(&self.table)
            .key("challenge", item::s(key))
            .update_expression(
                "SET counted = :count, counted_for = :raw, expires_at = :later, user_id = :user",
            )
            .condition_expression(
                "attribute_not_exists(counted) OR counted < :count OR counted_for = :raw OR expires_at <= :now",
            )
            .expression_attribute_values(":count", item::n(*counter))
            .expression_attribute_values(":raw", item::s(raw))
            .expression_attribute_values(":later", item::n(now.plus(COUNTER_LIFETIME).get()))
            .expression_attribute_values(":now", item::n(now.get()))
            .expression_attribute_values(":user", item::s(&caller.user_id))
            .build()
            .map_err(|error| StoreError::new(COUNTING, error))?;
        let parts = vec![TransactWriteItem::builder().update(update).build()];
        let checked = (self.sessions.as_str(), caller);
        let failed =
            sessions::transact_for_caller((&self.client, &self.host), COUNTING, checked, parts).await?;
        Ok(failed.is_none())
    }
}

/// Whether the text has the form of a challenge. The keys of counters do not, so a caller can't delete a counter.
fn is_challenge(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

const BYTES: usize = 32;
/// How long a phone's counter is stored after its last use.
const COUNTER_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const COUNTING: &str = "storing a phone's counter";
const ISSUING: &str = "issuing a challenge";
