//! Beginning an erasure: one transaction, after which the person is no user any more.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};

use crate::{
    crypto::Keyring,
    host::{Host, HostError, dynamodb::Client},
    secrets::CachedSecret,
    store::{
        InboxError, Session, StoreError, User,
        inbox::{self, ErasedPerson},
        item::{self, Item, TransactionCancelled},
        sessions, users,
    },
    types::{Caller, OpenId, UnixSeconds, UserId},
};

/// What came of beginning an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeginErasureOutcome {
    /// The user is a user no more, and what the user has left is being removed.
    Begun,
    /// That was so before.
    AlreadyErased,
    /// The caller's token was made void, and not by an erasure of its user. Nothing was written.
    TokenVoid,
}

/// Begins erasures. What follows is in the hands of [`PersonEraser`](super::PersonEraser).
pub struct Erasures {
    client: Client,
    users: String,
    sessions: String,
    inbox: String,
    ring: CachedSecret<Keyring>,
    host: Host,
}

impl Erasures {
    /// Reads `DATA_KEYS_ARN`, `INBOX_TABLE`, `SESSIONS_TABLE` and `USERS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            users: host.var("USERS_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            inbox: host.var("INBOX_TABLE")?.to_owned(),
            ring: CachedSecret::new(host, "DATA_KEYS_ARN")?,
            host: host.clone(),
        })
    }

    /// Makes the caller's user a row with nothing but its id and the time, deletes the sessions of its openids and the claim of its unionid,
    /// and keeps the rest of the work in the inbox, in one transaction. From then on the user's tokens are void, and whoever logs in with
    /// one of the openids is a new user.
    ///
    /// Condition: the user has the openids, the unionid and the records of merges with which it was read; otherwise it is read again.
    ///
    /// # Errors
    /// [`InboxError`]; begin it again. After a timeout the erasure may have begun; then the next call says so.
    pub async fn begin(&self, caller: &Caller) -> Result<BeginErasureOutcome, InboxError> {
        let ring = self.ring.get().await?;
        for _ in 0..item::MAX_ATTEMPTS {
            let user = (self.users.as_str(), "id", caller.user_id.as_str());
            let session = sessions::key(&self.sessions, caller);
            let (user, session) = item::get_both(&self.client, &self.host, BEGINNING, user, session).await?;
            // Whoever repeats the request, because its answer was lost, gets the same answer. The token can do nothing else.
            if user.as_ref().is_some_and(users::is_erased) {
                return Ok(BeginErasureOutcome::AlreadyErased);
            }
            let session = session.map(item::read::<Session>).transpose()?;
            let is_honoured = sessions::honoured(session.as_ref(), caller).is_ok();
            let Some(user) = users::read(user)?.filter(|_| is_honoured) else {
                return Ok(BeginErasureOutcome::TokenVoid);
            };
            let parts = self.parts(&user, &ring)?;
            let request = self.client.transact_write_items().set_transact_items(Some(parts));
            let Err(error) = request.send().await else { return Ok(BeginErasureOutcome::Begun) };
            match item::cancellation(BEGINNING, error)? {
                TransactionCancelled::Conflict | TransactionCancelled::ConditionsFailed(_) => {
                    item::sleep_jittered(&self.host).await;
                }
            }
        }
        Err(StoreError::contended(BEGINNING).into())
    }

    fn parts(&self, user: &User, ring: &Keyring) -> Result<Vec<TransactWriteItem>, InboxError> {
        let openids = user.openids.iter().filter_map(|openid| OpenId::parse(openid).ok());
        let person = ErasedPerson {
            user_id: user.user_id.clone(),
            openids: openids.collect(),
            merge_records: user.merge_records.iter().cloned().collect(),
        };
        let mut parts = vec![
            self.erase_user_part(user, self.host.now())?,
            inbox::put_erasure(&self.host, &self.inbox, ring, &person)?,
        ];
        // A transaction has a limit. Of a person with more openids than anybody has, the others go with the rest of the work.
        for openid in person.openids.iter().take(MAX_SESSIONS) {
            let key = Item::from([("openid".to_owned(), item::s(openid.as_str()))]);
            parts.push(delete_part(&self.sessions, key, "openid", &user.user_id)?);
        }
        if let Some(unionid) = &user.unionid {
            let key = Item::from([("id".to_owned(), item::s(users::unionid_claim_id(unionid)))]);
            parts.push(delete_part(&self.users, key, "id", &user.user_id)?);
        }
        Ok(parts)
    }

    fn erase_user_part(&self, user: &User, now: UnixSeconds) -> Result<TransactWriteItem, StoreError> {
        let row = Item::from([
            ("id".to_owned(), item::s(&user.user_id)),
            ("erased_at".to_owned(), item::n(now.get())),
        ]);
        let mut condition = "attribute_exists(created_at) AND openids = :openids".to_owned();
        let mut put = Put::builder()
            .table_name(&self.users)
            .set_item(Some(row))
            .expression_attribute_values(":openids", texts(&user.openids));
        let unionid = user.unionid.as_ref().map(|unionid| item::s(unionid.as_str()));
        let records = (!user.merge_records.is_empty()).then(|| texts(&user.merge_records));
        for (name, value) in [("unionid", unionid), ("merge_records", records)] {
            match value {
                Some(value) => {
                    condition.push_str(&format!(" AND {name} = :{name}"));
                    put = put.expression_attribute_values(format!(":{name}"), value);
                }
                None => condition.push_str(&format!(" AND attribute_not_exists({name})")),
            }
        }
        let put = put.condition_expression(condition).build();
        let put = put.map_err(|error| StoreError::new(BEGINNING, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The part that deletes the row, unless it is another user's by now.
fn delete_part(
    table: &str,
    key: Item,
    key_name: &str,
    user_id: &UserId,
) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key))
        .condition_expression(format!("attribute_not_exists({key_name}) OR user_id = :user"))
        .expression_attribute_values(":user", item::s(user_id))
        .build()
        .map_err(|error| StoreError::new(BEGINNING, error))?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

fn texts(set: &std::collections::BTreeSet<String>) -> AttributeValue {
    AttributeValue::Ss(set.iter().cloned().collect())
}

const BEGINNING: &str = "beginning an erasure";
const MAX_SESSIONS: usize = 90;
