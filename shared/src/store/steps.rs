//! `STEPS_TABLE`: a user's steps. All days are in one row, so that a sync of 31 days is one read and one write.
//!
//! Key `user_id`. `version` grows with every write, so that no sync overwrites the days of a concurrent one.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use serde::{Deserialize, Serialize};

use super::{Session, StoreError, item, sessions};
use crate::{
    host::{Host, HostError, dynamodb::Client},
    types::{Caller, Day, UnixSeconds},
};

/// The steps of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySteps {
    /// The day.
    pub day: Day,
    /// The number of steps.
    pub steps: u32,
}

/// The stored steps of a user, by day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StepHistory {
    #[serde(default)]
    version: u64,
    #[serde(default)]
    days: BTreeMap<Day, u32>,
}

impl StepHistory {
    /// The steps on `day`; `None` if the day was never synced.
    #[must_use]
    pub fn on(&self, day: Day) -> Option<u32> {
        self.days.get(&day).copied()
    }

    /// The stored days with these days added. A day keeps the larger number, because another phone of the user can have counted less.
    fn with(&self, days: &[DaySteps], today: Day) -> BTreeMap<Day, u32> {
        let mut all = self.days.clone();
        for DaySteps { day, steps } in days {
            let kept = all.entry(*day).or_default();
            *kept = (*kept).max(*steps);
        }
        let oldest = today.before(KEPT_DAYS);
        all.retain(|day, _| *day > oldest);
        all
    }
}

#[derive(Serialize)]
struct Row<'a> {
    user_id: &'a str,
    version: u64,
    days: BTreeMap<Day, u32>,
    /// Tells a consent that was withdrawn before from one that was withdrawn after.
    given_at: UnixSeconds,
}

/// The table, and the sessions that a sync reads with it.
pub struct Steps {
    client: Client,
    table: String,
    sessions: String,
    host: Host,
}

impl Steps {
    /// Reads `SESSIONS_TABLE` and `STEPS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            client: host.dynamodb()?,
            table: host.var("STEPS_TABLE")?.to_owned(),
            sessions: host.var("SESSIONS_TABLE")?.to_owned(),
            host: host.clone(),
        })
    }

    /// The caller's session and the stored steps of the user, in one request.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn get_with_session(
        &self,
        caller: &Caller,
    ) -> Result<(Option<Session>, StepHistory), StoreError> {
        let [session, kept] = self.keys(caller);
        let (session, kept) = item::get_both(&self.client, &self.host, READING, session, kept).await?;
        let kept = kept.map(item::read).transpose()?;
        Ok((session.map(item::read).transpose()?, kept.unwrap_or_default()))
    }

    /// The keys of the caller's session and of the user's steps, for a request that reads more than those.
    pub(super) fn keys<'a>(&'a self, caller: &'a Caller) -> [item::Key<'a>; 2] {
        let session = sessions::key(&self.sessions, caller);
        [session, (self.table.as_str(), "user_id", caller.user_id.as_str())]
    }

    /// Stores `kept` with the days added. If another sync has written meanwhile, nothing is written, and the steps as they are now are
    /// returned.
    ///
    /// Condition: the row's version is still that of `kept`.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn store_days(
        &self,
        caller: &Caller,
        kept: &StepHistory,
        days: &[DaySteps],
        today: Day,
    ) -> Result<Option<StepHistory>, StoreError> {
        let row = Row {
            user_id: caller.user_id.as_str(),
            version: kept.version.saturating_add(1),
            days: kept.with(days, today),
            given_at: self.host.now(),
        };
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(&row)?))
            .condition_expression("attribute_not_exists(user_id) OR version = :seen")
            .expression_attribute_values(":seen", item::n(kept.version))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        let Err(error) = result else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Some(failed.item().cloned().map(item::read).transpose()?.unwrap_or_default()))
            }
            _ => Err(StoreError::from_sdk("keeping steps", error)),
        }
    }
}

const READING: &str = "reading steps";
/// How many days a row has at most: more than a year, and far less than fit into DynamoDB's 400 KB.
const KEPT_DAYS: u16 = 400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_sync_lowers_a_day_and_old_days_go(
            first in prop::collection::vec((0u16..500, 0u32..50_000), 0..40),
            second in prop::collection::vec((0u16..500, 0u32..50_000), 0..40),
        ) {
            let today = Day::of(UnixSeconds::new(1_700_000_000));
            let days = |list: &[(u16, u32)]| -> Vec<DaySteps> {
                list.iter().map(|(ago, steps)| DaySteps { day: today.before(*ago), steps: *steps }).collect()
            };
            let one = StepHistory { version: 1, days: StepHistory::default().with(&days(&first), today) };
            let two = StepHistory { version: 2, days: one.with(&days(&second), today) };
            for (day, steps) in &one.days {
                prop_assert!(two.on(*day).is_some_and(|later| later >= *steps));
            }
            prop_assert!(two.days.keys().all(|day| *day > today.before(KEPT_DAYS)));
        }
    }
}
