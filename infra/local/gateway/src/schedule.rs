//! Runs the template's schedules.

use std::{sync::Arc, time::Duration};

use local_template::{PseudoParameters, Schedule, ScheduleExpression, Stack};
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};
use tokio::{sync::watch, task::JoinHandle};

use crate::{aws_time, function::DeployedFunction, functions::DeployedFunctions};

/// Starts a background task for every enabled schedule of the stack, which runs until `stopped`.
pub(crate) fn spawn_all(
    stack: &Stack,
    functions: &DeployedFunctions,
    clock: &Arc<dyn Clock>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let mut handles = Vec::new();
    for function in &stack.functions {
        let Some(task) = functions.by_folder(&function.folder) else { continue };
        for schedule in function.schedules.iter().filter(|schedule| schedule.enabled) {
            let (task, schedule) = (Arc::clone(task), schedule.clone());
            handles.push(tokio::spawn(run_until_stopped(task, schedule, Arc::clone(clock), stopped.clone())));
        }
    }
    handles
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
    task: Arc<DeployedFunction>,
    schedule: Schedule,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) {
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
        let result = task.run_task(event(&schedule, now), request_id(&schedule, now)).await;
        if let Err(failure) = result {
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
        Schedule { name: "SweepEveryMinute".to_owned(), expression, enabled: true, input }
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
