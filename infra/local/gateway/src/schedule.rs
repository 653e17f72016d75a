//! Runs the template's schedules.

use std::{sync::Arc, time::Duration};

use local_template::{PseudoParameters, Schedule, ScheduleExpression, Stack};
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    aws_time,
    error::CallError,
    function::{DeployedFunction, Trigger},
    functions::DeployedFunctions,
};

/// A schedule of the stack with the task that it starts.
#[derive(Clone)]
pub(crate) struct ScheduledTask {
    /// The task's folder below `functions/`.
    pub(crate) folder: String,
    pub(crate) schedule: Schedule,
    task: Arc<DeployedFunction>,
}

impl ScheduledTask {
    /// Runs the task once with the schedule's event. Returns its report.
    ///
    /// # Errors
    /// [`CallError`]. Except after a failed start the task may have done its work.
    pub(crate) async fn run(&self, now_millis: u64, trigger: Trigger) -> Result<Value, CallError> {
        let (event, id) = (event(&self.schedule, now_millis), request_id(&self.schedule, now_millis));
        self.task.run_task(event, id, trigger).await
    }
}

/// All schedules of the stack.
pub(crate) fn all(stack: &Stack, functions: &DeployedFunctions) -> Vec<ScheduledTask> {
    let with_task = stack.functions.iter().filter_map(|one| Some((one, functions.by_folder(&one.folder)?)));
    let scheduled = with_task.flat_map(|(function, task)| {
        function.schedules.iter().map(|schedule| ScheduledTask {
            folder: function.folder.clone(),
            schedule: schedule.clone(),
            task: Arc::clone(task),
        })
    });
    scheduled.collect()
}

/// Starts a background task for every enabled schedule, which runs until `stopped`.
pub(crate) fn spawn_all(
    schedules: &[ScheduledTask],
    clock: &Arc<dyn Clock>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let enabled = schedules.iter().filter(|scheduled| scheduled.schedule.enabled);
    enabled
        .map(|scheduled| {
            tokio::spawn(run_until_stopped(scheduled.clone(), Arc::clone(clock), stopped.clone()))
        })
        .collect()
}

/// The enabled schedules that fire after one time and until another one, by the time at which each fires first.
pub(crate) fn due_between(schedules: &[ScheduledTask], after: u64, until: u64) -> Vec<&ScheduledTask> {
    let enabled = schedules.iter().filter(|scheduled| scheduled.schedule.enabled);
    let mut due: Vec<(u64, &ScheduledTask)> = enabled
        .filter_map(|scheduled| {
            Some((first_firing(&scheduled.schedule.expression, after, until)?, scheduled))
        })
        .collect();
    due.sort_by_key(|(at, _)| *at);
    due.into_iter().map(|(_, scheduled)| scheduled).collect()
}

/// The first time, in Unix milliseconds, after `after` and not after `until`, at which the schedule fires. A rate counts from `after`.
fn first_firing(expression: &ScheduleExpression, after: u64, until: u64) -> Option<u64> {
    let first = match expression {
        ScheduleExpression::Rate(every) => after.checked_add(u64::try_from(every.as_millis()).ok()?)?,
        ScheduleExpression::Cron(_) => {
            let mut minutes = (after / MINUTE_MILLIS).saturating_add(1)..=until / MINUTE_MILLIS;
            minutes.find(|minute| is_due(expression, minute.saturating_mul(MINUTE_MILLIS)))? * MINUTE_MILLIS
        }
    };
    (first <= until).then_some(first)
}

/// The event that EventBridge Scheduler sends: the template's `Input`, or its own.
pub(crate) fn event(schedule: &Schedule, now_millis: u64) -> Value {
    if let Some(input) = &schedule.input {
        return serde_json::from_str(input).unwrap_or_else(|_| input.as_str().into());
    }
    let PseudoParameters { region, account, .. } = PseudoParameters::default();
    json!({
        "version": "0",
        "id": request_id(schedule, now_millis),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account,
        "time": aws_time::format_iso(now_millis),
        "region": region,
        "resources": [format!("arn:aws:scheduler:{region}:{account}:schedule/default/{}", schedule.name)],
        "detail": "{}",
    })
}

/// The request id of a run.
pub(crate) fn request_id(schedule: &Schedule, now_millis: u64) -> String {
    format!("{}-{now_millis:x}", schedule.name)
}

async fn run_until_stopped(
    scheduled: ScheduledTask,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) {
    let schedule = &scheduled.schedule;
    loop {
        let now = clock.now_millis();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(wait_before_check(&schedule.expression, now)) => {}
        }
        let now = clock.now_millis();
        if !is_due(&schedule.expression, now) {
            continue;
        }
        // Awaited, so that runs of one schedule do not overlap.
        if let Err(failure) = scheduled.run(now, Trigger::Schedule).await {
            tracing::error!(
                schedule = schedule.name,
                error.chain = error_chain(&failure),
                "scheduled run failed"
            );
        }
    }
}

/// The wait until the next check. A rate counts from the end of the last run; cron is checked at the start of every minute.
fn wait_before_check(expression: &ScheduleExpression, now_millis: u64) -> Duration {
    match expression {
        ScheduleExpression::Rate(every) => *every,
        ScheduleExpression::Cron(_) => Duration::from_millis(MINUTE_MILLIS - now_millis % MINUTE_MILLIS),
    }
}

fn is_due(expression: &ScheduleExpression, now_millis: u64) -> bool {
    match expression {
        ScheduleExpression::Rate(_) => true,
        ScheduleExpression::Cron(cron) => cron.fires_at(i64::try_from(now_millis / 1000).unwrap_or(i64::MAX)),
    }
}

const MINUTE_MILLIS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use local_template::Cron;

    use super::*;

    fn schedule(expression: ScheduleExpression, input: Option<&str>) -> Schedule {
        let input = input.map(str::to_owned);
        let expression_text = String::new();
        Schedule { name: "SweepEveryMinute".to_owned(), expression, expression_text, enabled: true, input }
    }

    #[test]
    fn a_schedule_fires_first_at_its_next_time() {
        let rate = ScheduleExpression::Rate(Duration::from_secs(60));
        assert_eq!(first_firing(&rate, 5_000, 64_999), None);
        assert_eq!(first_firing(&rate, 5_000, 65_000), Some(65_000));
        // Half past two and half past three, on every day.
        let cron = ScheduleExpression::Cron(Cron {
            minutes: vec![30],
            hours: vec![2, 3],
            days: (1..=31).collect(),
            months: (1..=12).collect(),
            weekdays: (1..=7).collect(),
            years: vec![1970],
            utc_offset_minutes: 0,
        });
        let half_past_two = 150 * MINUTE_MILLIS;
        assert_eq!(first_firing(&cron, 0, half_past_two - 1), None);
        assert_eq!(first_firing(&cron, 0, half_past_two), Some(half_past_two));
        assert_eq!(first_firing(&cron, half_past_two, 10 * half_past_two), Some(210 * MINUTE_MILLIS));
    }

    #[test]
    fn a_rate_waits_its_interval_and_cron_until_the_next_minute() {
        let rate = ScheduleExpression::Rate(Duration::from_secs(300));
        assert_eq!(wait_before_check(&rate, 59_000), Duration::from_secs(300));
        let cron = Cron {
            minutes: vec![1],
            hours: vec![0],
            days: (1..=31).collect(),
            months: (1..=12).collect(),
            weekdays: (1..=7).collect(),
            years: vec![1970],
            utc_offset_minutes: 0,
        };
        let cron = ScheduleExpression::Cron(cron);
        assert_eq!(wait_before_check(&cron, 59_000), Duration::from_secs(1));
        assert!(is_due(&cron, 60_000) && !is_due(&cron, 120_000));
    }

    #[test]
    fn the_event_is_the_templates_input_or_the_schedulers_own() {
        let rate = ScheduleExpression::Rate(Duration::from_secs(60));
        let own = event(&schedule(rate.clone(), None), 1_583_348_638_390);
        assert_eq!(own["time"], "2020-03-04T19:03:58Z");
        let from_template = event(&schedule(rate, Some(r#"{"shard":1}"#)), 0);
        assert_eq!(from_template, json!({"shard": 1}));
    }
}
