//! Challenges for fingerprints and faces, and how far phones have counted, in `CHALLENGES_TABLE`.
//!
//! Key `challenge`: a challenge is its own key, a phone's count has `count#`, the user and the hash of the phone's `cpu_id`.
//! A challenge goes after five minutes. A count goes thirty days after the last use: a phone whose key was made anew begins
//! at one again, and must not be shut out for ever; a result is used once all the same, because its challenge is.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::{delete_item::DeleteItemError, update_item::UpdateItemError},
    types::ReturnValue::AllOld,
};
use serde::{Deserialize, Serialize};

use super::{StoreError, item};
use crate::{
    crypto::{hex, sha256},
    host::{Host, HostError},
    types::{UnixSeconds, UserId},
    wechat::SoterResult,
};

/// What a user shall confirm with a finger or their face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Of what kind it is, such as `pay`.
    pub purpose: String,
    /// Which one it is, such as an order and its amount.
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

/// The challenges.
pub struct Challenges {
    client: Client,
    table: String,
    host: Host,
}

impl Challenges {
    /// How long a challenge can be used.
    pub const LIFETIME: Duration = Duration::from_secs(300);

    /// Reads `CHALLENGES_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("CHALLENGES_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// A new challenge for this user and this intent alone: 256 random bits in hexadecimal.
    ///
    /// No condition: nobody has had these bits before, and a request repeated after a lost answer writes the same row.
    ///
    /// # Errors
    /// [`StoreError`]: there is no randomness, or DynamoDB failed; `is_transient()` says whether to retry.
    pub async fn issue(&self, user_id: &UserId, intent: Intent) -> Result<String, StoreError> {
        let random = self.host.random::<BYTES>().map_err(|error| StoreError::new(ISSUING, error))?;
        let challenge = hex(&random);
        let expires_at = self.host.now().plus(Self::LIFETIME);
        let row = Row { challenge: challenge.clone(), user_id: user_id.clone(), intent, expires_at };
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item::write(&row)?));
        put.send().await.map_err(|error| StoreError::from_sdk(ISSUING, error))?;
        Ok(challenge)
    }

    /// Burns the challenge and tells what it was for; nothing if it is not this user's to burn.
    ///
    /// Condition: it is there, it is this user's, and its time is not over. A request repeated after a lost answer finds
    /// nothing: a challenge is rather wasted than used twice.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
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
                _ => Err(StoreError::from_sdk("burning a challenge", error)),
            },
        }
    }

    /// Keeps the phone's count, and says whether it has grown. A phone that does not count, or does not say which one it is,
    /// is not held to it.
    ///
    /// Condition: the count is greater than the one kept, or that is too old. The row names the challenge, so that a request
    /// repeated after a lost answer is known for the same.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn record_counter(&self, user_id: &UserId, result: &SoterResult) -> Result<bool, StoreError> {
        let SoterResult { raw, counter: Some(counter), cpu_id: Some(cpu_id), .. } = result else {
            return Ok(true);
        };
        let now = self.host.now();
        let key = format!("count#{user_id}#{}", hex(&sha256(cpu_id.as_bytes())));
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("challenge", item::s(key))
            .update_expression("SET counted = :count, counted_for = :raw, expires_at = :later")
            .condition_expression(
                "attribute_not_exists(counted) OR counted < :count OR counted_for = :raw OR expires_at <= :now",
            )
            .expression_attribute_values(":count", item::n(*counter))
            .expression_attribute_values(":raw", item::s(raw))
            .expression_attribute_values(":later", item::n(now.plus(KEPT).get()))
            .expression_attribute_values(":now", item::n(now.get()))
            .send()
            .await;
        match updated {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::from_sdk("keeping a phone's count", error)),
            },
        }
    }
}

/// A count is no challenge, and a text of another form was never given out.
fn is_challenge(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

const BYTES: usize = 32;
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const ISSUING: &str = "issuing a challenge";
