//! The row of a user who is being erased.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use zeroize::Zeroizing;

use super::{
    queue::InboxError,
    row::{ERASURE, ErasedPerson, Row, RowKind, erasure_context},
};
use crate::{
    crypto::{Keyring, hex},
    host::Host,
    store::{StoreError, item, work_index},
};

/// The part of a transaction that begins the erasure of `person`. The row has a random key, so there is one for each erasure. It does not
/// expire before the erasure is finished.
pub(in crate::store) fn put_erasure(
    host: &Host,
    table: &str,
    ring: &Keyring,
    person: &ErasedPerson,
) -> Result<TransactWriteItem, InboxError> {
    let push_id = hex(&host.random::<32>()?);
    let plain = serde_json::to_vec(person).map_err(|error| StoreError::new(BEGINNING, error))?;
    let sealed = ring.seal(&Zeroizing::new(plain), erasure_context(&push_id).as_bytes(), host.random()?)?;
    let row = Row {
        name: ERASURE.to_owned(),
        kind: Some(RowKind::UserErasure),
        happened_at: host.now(),
        expires_at: None,
        pending_shard: Some(work_index::shard_of(&push_id)),
        message: Some(sealed),
        push_id,
    };
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item::write(&row)?))
        .condition_expression("attribute_not_exists(push_id)")
        .build()
        .map_err(|error| StoreError::new(BEGINNING, error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

const BEGINNING: &str = "beginning an erasure";
