//! `LEASES_TABLE`: whose turn it is to call an API of WeChat's that takes one call at a time, a row for each such API.
//!
//! Key `name`. `held_until` is in milliseconds: until then nobody else may call. A holder sets it far ahead before the call, so that
//! the lease of an instance that dies ends by itself, and shortly ahead after the call, which keeps the pause to the next one.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use serde::Deserialize;

use super::{
    StoreError,
    item::{self, UpdateOutcome},
};
use crate::host::{
    Host, HostError,
    dynamodb::{Client, UpdateItemFluentBuilder},
};

/// An API that takes one call at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseName {
    /// The calls about nearby places.
    NearbyPois,
}

impl LeaseName {
    /// The name that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NearbyPois => "nearby_pois",
        }
    }
}

/// What came of acquiring a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseTurn {
    /// This caller holds the lease.
    Acquired,
    /// Another caller holds the lease, or the pause after its call lasts, until this time in milliseconds.
    HeldUntil(u64),
}

#[derive(Default, Deserialize)]
struct HeldLease {
    #[serde(default)]
    held_until: u64,
}

/// The table.
pub struct Leases {
    client: Client,
    table: String,
    host: Host,
}

impl Leases {
    /// Reads `LEASES_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let table = host.var("LEASES_TABLE")?.to_owned();
        Ok(Self { client: host.dynamodb()?, table, host: host.clone() })
    }

    /// Acquires the lease from `now` to `until`, both in milliseconds, for the caller with this `id`.
    ///
    /// Condition: the lease is free at `now`, or this caller holds it already, because the AWS client repeats a request after a lost
    /// answer.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the lease may be held; it ends by itself.
    pub async fn acquire(
        &self,
        name: LeaseName,
        id: &str,
        now: u64,
        until: u64,
    ) -> Result<LeaseTurn, StoreError> {
        let update = self
            .update(name, id)
            .update_expression("SET lease_id = :id, held_until = :until")
            .condition_expression("attribute_not_exists(held_until) OR held_until <= :now OR lease_id = :id")
            .expression_attribute_values(":until", item::n(until))
            .expression_attribute_values(":now", item::n(now))
            .return_values_on_condition_check_failure(AllOld);
        match item::update(&self.host, "acquiring a lease", update).await? {
            UpdateOutcome::Done(_) => Ok(LeaseTurn::Acquired),
            UpdateOutcome::ConditionFailed(row) => {
                let held: HeldLease = item::read(row.unwrap_or_default())?;
                Ok(LeaseTurn::HeldUntil(held.held_until))
            }
        }
    }

    /// Gives the lease back: the next caller may have it from `free_at` on, in milliseconds.
    ///
    /// Condition: this caller still holds the lease. Otherwise nothing is changed, because another caller holds it.
    ///
    /// # Errors
    /// [`StoreError`]. The lease ends by itself.
    pub async fn release(&self, name: LeaseName, id: &str, free_at: u64) -> Result<(), StoreError> {
        let update = self
            .update(name, id)
            .update_expression("SET held_until = :free_at")
            .condition_expression("lease_id = :id")
            .expression_attribute_values(":free_at", item::n(free_at));
        item::update(&self.host, "releasing a lease", update).await.map(drop)
    }

    fn update(&self, name: LeaseName, id: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("name", item::s(name.as_str()))
            .expression_attribute_values(":id", item::s(id))
    }
}
