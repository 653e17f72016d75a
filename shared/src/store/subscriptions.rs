//! `SUBSCRIPTIONS_TABLE`: how many messages of each template may still be sent to a user.
//!
//! Key `openid`, `template_id`. A phone can report subscriptions that the user never made, so the messages of a template, the
//! templates of a user and the reports in a minute are limited. A sort key that begins with `#` is no template: the row `#reports`
//! counts the user's reports.

use std::{fmt::Write, time::Duration};

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use futures_util::future;
use serde::Deserialize;

use super::{
    CallerError, StoreError,
    item::{self, UpdateOutcome},
    sessions,
};
use crate::{
    crypto::hex,
    host::{
        Host, HostError,
        dynamodb::{Client, UpdateItemFluentBuilder},
    },
    types::{Caller, OpenId, TemplateId, UnixSeconds},
};

/// The messages of one template that may still be sent to a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    /// The template.
    pub template_id: TemplateId,
    /// The number of messages.
    pub remaining: u32,
}

/// What came of recording a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportOutcome {
    /// Each of the templates counts one more message, up to `MAX_MESSAGES`.
    Counted(Vec<Subscription>),
    /// The user has reported too often in this minute. Nothing was counted.
    TooOften,
    /// The user would have more than `MAX_TEMPLATES` templates. Nothing was counted.
    TooMany,
}

/// The count of a user's reports.
#[derive(Default, Deserialize)]
struct Reports {
    #[serde(default)]
    reports_minute: u64,
    #[serde(default)]
    reports: u64,
}

/// What a report looks at before it counts.
#[derive(Deserialize)]
struct Grants {
    #[serde(default)]
    remaining: u64,
    /// How many reports came without their push, or below zero how many pushes without their report.
    #[serde(default)]
    reports_ahead: i64,
    #[serde(default)]
    accepted_at: Option<UnixSeconds>,
    #[serde(default)]
    granted_by: Option<String>,
}

/// How a report is counted, by what is known of pushes. The numbers are `reports_ahead` as it was read.
#[derive(Clone, Copy)]
enum GrantStep {
    /// No push is without its report: the report counts.
    ReportFirst,
    /// The push of this consent came just before, and has counted it.
    PushFirst(i64),
    /// Pushes came without their reports, but too long ago: the report counts, and those are forgotten.
    StalePush(i64),
}

/// The table.
pub struct Subscriptions {
    client: Client,
    table: String,
    host: Host,
}

impl Subscriptions {
    /// Reads `SUBSCRIPTIONS_TABLE`.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub fn new(host: &Host) -> Result<Self, HostError> {
        let table = host.var("SUBSCRIPTIONS_TABLE")?.to_owned();
        Ok(Self { client: host.dynamodb()?, table, host: host.clone() })
    }

    /// Counts one more message of each of these templates, because the user's phone reports that the user accepts one. The
    /// templates must differ.
    ///
    /// Condition: the caller's session honours the token, and the user has reported less than `MAX_REPORTS_PER_MINUTE` times in this minute
    /// and has `MAX_TEMPLATES` templates at most. The count of a template ends at `MAX_MESSAGES`. Reads `SESSIONS_TABLE`.
    ///
    /// # Errors
    /// [`CallerError`]; `is_transient()` of its [`StoreError`] says whether to retry. After a timeout the write may have been applied.
    pub async fn report(
        &self,
        caller: &Caller,
        templates: &[TemplateId],
    ) -> Result<ReportOutcome, CallerError> {
        let openid = &caller.openid;
        let minute = self.host.now().get() / 60;
        let first =
            self.count(openid, templates, "attribute_not_exists(reports_minute) OR reports_minute < :minute");
        let first = first
            .update_expression("SET reports_minute = :minute, reports = :one ADD known_templates :templates")
            .expression_attribute_values(":minute", item::n(minute));
        let sessions = self.host.var("SESSIONS_TABLE").map_err(|error| StoreError::new(REPORTING, error))?;
        let (written_by, checked) = ((&self.client, &self.host), (sessions, caller));
        let first = vec![as_part(&first)?];
        if let Some(reasons) = sessions::transact_for_caller(written_by, REPORTING, checked, first).await? {
            let known = item::failed_condition(&reasons, 0).flatten();
            let known: Reports = item::read(known.unwrap_or_default())?;
            if known.reports_minute < minute {
                return Ok(ReportOutcome::TooMany);
            }
            if known.reports >= MAX_REPORTS_PER_MINUTE {
                return Ok(ReportOutcome::TooOften);
            }
            // The row is already at this minute, or at a later one by the clock of another instance. The report counts in that minute.
            let again = self.count(openid, templates, "reports < :limit");
            let again = again
                .update_expression("ADD reports :one, known_templates :templates")
                .expression_attribute_values(":limit", item::n(MAX_REPORTS_PER_MINUTE));
            if let UpdateOutcome::ConditionFailed(known) = item::update(&self.host, REPORTING, again).await? {
                let known: Reports = item::read(known.unwrap_or_default())?;
                return Ok(if known.reports < MAX_REPORTS_PER_MINUTE {
                    ReportOutcome::TooMany
                } else {
                    ReportOutcome::TooOften
                });
            }
        }
        let counted = templates.iter().map(|template| self.grant(openid, template));
        Ok(ReportOutcome::Counted(future::try_join_all(counted).await?))
    }

    /// The messages that may still be sent to the user, by template.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry.
    pub async fn list_for_user(&self, openid: &OpenId) -> Result<Vec<Subscription>, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("openid = :openid AND template_id >= :first")
            .expression_attribute_values(":openid", item::s(openid.as_str()))
            .expression_attribute_values(":first", item::s(FIRST))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("listing subscriptions", error))?;
        page.items.unwrap_or_default().into_iter().map(item::read).collect()
    }

    /// Takes one message from the count before it is sent; `false` if none is left.
    ///
    /// Condition: a message is left, and `taken_by` is not the mark of this very request. The AWS client repeats a request after a
    /// lost answer, and the mark keeps it from taking two messages.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. After a timeout the write may have been applied.
    pub async fn take_message(&self, openid: &OpenId, template: &TemplateId) -> Result<bool, StoreError> {
        let mark = self.host.random::<16>().map_err(|error| StoreError::new(TAKING, error))?;
        let mark = item::s(hex(&mark));
        let update = self
            .update(openid, template)
            .update_expression("SET remaining = remaining - :one, taken_by = :mark, updated_at = :now")
            .condition_expression(
                "remaining > :none AND (attribute_not_exists(taken_by) OR taken_by <> :mark)",
            )
            .expression_attribute_values(":mark", mark.clone())
            .expression_attribute_values(":one", item::n(1_u64))
            .expression_attribute_values(":none", item::n(0_u64));
        Ok(match item::update(&self.host, TAKING, update).await? {
            UpdateOutcome::Done(_) => true,
            UpdateOutcome::ConditionFailed(row) => {
                row.and_then(|mut row| row.remove("taken_by")) == Some(mark)
            }
        })
    }

    /// Adds a message to the count again. Call this only if the message was certainly not sent.
    ///
    /// Condition: the count does not go beyond `MAX_MESSAGES`.
    ///
    /// # Errors
    /// [`StoreError`]. The message may stay taken, so that the user can be sent one less. Don't retry, because after a timeout the
    /// write may have been applied, and a retry would count the message twice.
    pub async fn return_message(&self, openid: &OpenId, template: &TemplateId) -> Result<(), StoreError> {
        let update = self
            .update(openid, template)
            .update_expression("SET remaining = remaining + :one, updated_at = :now")
            .condition_expression("remaining < :most")
            .expression_attribute_values(":one", item::n(1_u64))
            .expression_attribute_values(":most", item::n(MAX_MESSAGES));
        item::update(&self.host, "giving a message back", update).await.map(drop)
    }

    /// Sets the count of the template to zero, because WeChat says that the user accepts no message of it.
    ///
    /// Condition: there is a count.
    ///
    /// # Errors
    /// [`StoreError`]; `is_transient()` says whether to retry. If the write was not applied, WeChat refuses the next message as well.
    pub async fn clear_remaining(&self, openid: &OpenId, template: &TemplateId) -> Result<(), StoreError> {
        let update = self
            .update(openid, template)
            .update_expression("SET remaining = :none, updated_at = :now")
            .condition_expression("attribute_exists(remaining)")
            .expression_attribute_values(":none", item::n(0_u64));
        item::update(&self.host, "emptying a subscription", update).await.map(drop)
    }

    /// Counts the report of a consent, unless WeChat has just pushed the same consent (`store/inbox/subscribe_events.rs`).
    ///
    /// The update has a mark of this very request, because the AWS client repeats a request after a lost answer.
    async fn grant(&self, openid: &OpenId, template: &TemplateId) -> Result<Subscription, StoreError> {
        let mark = self.host.random::<16>().map_err(|error| StoreError::new(COUNTING, error))?;
        let mark = hex(&mark);
        let recently = self.host.now().minus(PAIR_TIME);
        let mut step = GrantStep::ReportFirst;
        for _ in 0..item::MAX_ATTEMPTS {
            let update = self
                .grant_update(openid, template, step)
                .expression_attribute_values(":mark", item::s(&mark));
            let row = match item::update(&self.host, COUNTING, update).await? {
                UpdateOutcome::Done(row) => return item::read(row),
                UpdateOutcome::ConditionFailed(row) => row.unwrap_or_default(),
            };
            let known: Grants = item::read(row.clone())?;
            step = match known {
                Grants { granted_by: Some(by), .. } if by == mark => return item::read(row),
                Grants { reports_ahead, accepted_at: Some(at), .. }
                    if reports_ahead < 0 && at >= recently =>
                {
                    GrantStep::PushFirst(reports_ahead)
                }
                Grants { remaining, .. } if remaining >= MAX_MESSAGES => return item::read(row),
                Grants { reports_ahead, .. } if reports_ahead < 0 => GrantStep::StalePush(reports_ahead),
                _ => GrantStep::ReportFirst,
            };
        }
        Err(StoreError::contended(COUNTING))
    }

    fn grant_update(
        &self,
        openid: &OpenId,
        template: &TemplateId,
        step: GrantStep,
    ) -> UpdateItemFluentBuilder {
        let update = self
            .update(openid, template)
            .expression_attribute_values(":one", item::n(1_u64))
            .return_values(ReturnValue::AllNew);
        let counts = "remaining = if_not_exists(remaining, :none) + :one, updated_at = :now, reported_at = :now, \
                      granted_by = :mark";
        let unmarked = "(attribute_not_exists(granted_by) OR granted_by <> :mark)";
        let room = "(attribute_not_exists(remaining) OR remaining < :most)";
        match step {
            GrantStep::ReportFirst => update
                .update_expression(format!(
                    "SET {counts}, reports_ahead = if_not_exists(reports_ahead, :none) + :one"
                ))
                .condition_expression(format!(
                    "{unmarked} AND {room} AND (attribute_not_exists(reports_ahead) OR reports_ahead >= :none)"
                ))
                .expression_attribute_values(":none", item::n(0_u64))
                .expression_attribute_values(":most", item::n(MAX_MESSAGES)),
            GrantStep::StalePush(seen) => update
                .update_expression(format!("SET {counts}, reports_ahead = :one"))
                .condition_expression(format!("{unmarked} AND {room} AND reports_ahead = :seen"))
                .expression_attribute_values(":none", item::n(0_u64))
                .expression_attribute_values(":most", item::n(MAX_MESSAGES))
                .expression_attribute_values(":seen", AttributeValue::N(seen.to_string())),
            GrantStep::PushFirst(seen) => update
                .update_expression(
                    "SET reports_ahead = reports_ahead + :one, reported_at = :now, updated_at = :now, \
                     granted_by = :mark",
                )
                .condition_expression(format!("{unmarked} AND reports_ahead = :seen"))
                .expression_attribute_values(":seen", AttributeValue::N(seen.to_string())),
        }
    }

    /// An update of the row `#reports`. Its condition is `condition`, and that the user has reported all these templates before or
    /// has room for as many new ones.
    fn count(&self, openid: &OpenId, templates: &[TemplateId], condition: &str) -> UpdateItemFluentBuilder {
        let ids: Vec<String> = templates.iter().map(|template| template.as_str().to_owned()).collect();
        let room = MAX_TEMPLATES.saturating_sub(u64::try_from(ids.len()).unwrap_or(MAX_TEMPLATES));
        let mut room_or_known =
            "attribute_not_exists(known_templates) OR size(known_templates) <= :room OR (".to_owned();
        let mut update = self.update_row(openid, REPORTS);
        for (index, id) in ids.iter().enumerate() {
            let and = if index == 0 { "" } else { " AND " };
            // Writing to a `String` can't fail.
            let _ = write!(room_or_known, "{and}contains(known_templates, :t{index})");
            update = update.expression_attribute_values(format!(":t{index}"), item::s(id));
        }
        update
            .condition_expression(format!("({condition}) AND ({room_or_known}))"))
            .expression_attribute_values(":templates", AttributeValue::Ss(ids))
            .expression_attribute_values(":room", item::n(room))
            .expression_attribute_values(":one", item::n(1_u64))
    }

    fn update(&self, openid: &OpenId, template: &TemplateId) -> UpdateItemFluentBuilder {
        let update = self.update_row(openid, template.as_str());
        update.expression_attribute_values(":now", item::n(self.host.now().get()))
    }

    fn update_row(&self, openid: &OpenId, sort_key: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("openid", item::s(openid.as_str()))
            .key("template_id", item::s(sort_key))
            .return_values_on_condition_check_failure(AllOld)
    }
}

/// The update as the part of a transaction.
fn as_part(update: &UpdateItemFluentBuilder) -> Result<TransactWriteItem, StoreError> {
    let part = Update::builder()
        .set_table_name(update.as_input().get_table_name().clone())
        .set_key(update.as_input().get_key().clone())
        .set_update_expression(update.as_input().get_update_expression().clone())
        .set_condition_expression(update.as_input().get_condition_expression().clone())
        .set_expression_attribute_values(update.as_input().get_expression_attribute_values().clone())
        .return_values_on_condition_check_failure(AllOld)
        .build()
        .map_err(|error| StoreError::new(REPORTING, error))?;
    Ok(TransactWriteItem::builder().update(part).build())
}

/// The greatest count of one template. No user accepts more messages before one is sent.
pub(super) const MAX_MESSAGES: u64 = 20;
/// How many templates a user can have. An account can have 50 at a time.
const MAX_TEMPLATES: u64 = 100;
/// How often a user may report in a minute. Each report is a tap of the user.
const MAX_REPORTS_PER_MINUTE: u64 = 10;
const REPORTS: &str = "#reports";
/// The first sort key of templates: it sorts before every template's id and after `#`.
const FIRST: &str = "-";
/// A report and a push of the same consent come within this time of each other.
pub(super) const PAIR_TIME: Duration = Duration::from_secs(10 * 60);
const COUNTING: &str = "counting a subscription";
const TAKING: &str = "taking a message";
const REPORTING: &str = "counting a report";
