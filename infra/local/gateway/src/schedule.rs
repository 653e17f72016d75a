//! The template's schedules, which really run.

use std::{sync::Arc, time::Duration};

use local_template::{Pseudo, Schedule, ScheduleExpression, Stack};
use serde_json::{Value, json};
use shared::{host::Clock, types::error_chain};
use tokio::{sync::watch, task::JoinHandle};

use crate::{function::Deployed, functions::Functions, moment};

/// Runs every enabled schedule of the stack until `stopped`.
pub(crate) fn run_all(
    stack: &Stack,
    functions: &Functions,
    clock: &Arc<dyn Clock>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let mut running = Vec::new();
    for function in &stack.functions {
        let Some(task) = functions.of(&function.folder) else { continue };
        for schedule in function.schedules.iter().filter(|schedule| schedule.enabled) {
            let (task, schedule) = (Arc::clone(task), schedule.clone());
            running.push(tokio::spawn(run(task, schedule, Arc::clone(clock), stopped.clone())));
        }
    }
    running
}

/// The event that the scheduler sends.
pub(crate) fn event(schedule: &Schedule, now_millis: u64) -> Value {
    if let Some(input) = &schedule.input {
        return serde_json::from_str(input).unwrap_or_else(|_| input.as_str().into());
    }
    let Pseudo { region, account, .. } = Pseudo::default();
    json!({
        "version": "0",
        "id": request_id(schedule, now_millis),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": account,
        "time": moment::iso(now_millis),
        "region": region,
        "resources": [format!("arn:aws:scheduler:{region}:{account}:schedule/default/{}", schedule.name)],
        "detail": "{}",
    })
}

/// Lambda's id of a run.
pub(crate) fn request_id(schedule: &Schedule, now_millis: u64) -> String {
    format!("{}-{now_millis:x}", schedule.name)
}

async fn run(
    task: Arc<Deployed>,
    schedule: Schedule,
    clock: Arc<dyn Clock>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let now = clock.now_millis();
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(until_next(&schedule.expression, now)) => {}
        }
        let now = clock.now_millis();
        if !is_due(&schedule.expression, now) {
            continue;
        }
        // Waited for: the next run begins after this one.
        let result = task.run(event(&schedule, now), request_id(&schedule, now)).await;
        if let Err(failure) = result {
            tracing::error!(schedule = schedule.name, error.chain = error_chain(&failure), "schedule");
        }
    }
}

/// A rate counts from the last run; cron looks at the beginning of every minute.
fn until_next(expression: &ScheduleExpression, now_millis: u64) -> Duration {
    match expression {
        ScheduleExpression::Rate(every) => *every,
        ScheduleExpression::Cron(_) => Duration::from_millis(MINUTE - now_millis % MINUTE),
    }
}

fn is_due(expression: &ScheduleExpression, now_millis: u64) -> bool {
    match expression {
        ScheduleExpression::Rate(_) => true,
        ScheduleExpression::Cron(cron) => cron.fires_at(i64::try_from(now_millis / 1000).unwrap_or(i64::MAX)),
    }
}

const MINUTE: u64 = 60_000;

#[cfg(test)]
mod tests {
    use local_template::Cron;

    use super::*;

    fn schedule(expression: ScheduleExpression, input: Option<&str>) -> Schedule {
        let input = input.map(str::to_owned);
        Schedule { name: "SweepEveryMinute".to_owned(), expression, enabled: true, input }
    }

    #[test]
    fn a_rate_waits_its_time_and_cron_for_the_next_minute() {
        let rate = ScheduleExpression::Rate(Duration::from_secs(300));
        assert_eq!(until_next(&rate, 59_000), Duration::from_secs(300));
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
        assert_eq!(until_next(&cron, 59_000), Duration::from_secs(1));
        assert!(is_due(&cron, 60_000) && !is_due(&cron, 120_000));
    }

    #[test]
    fn the_event_is_the_schedulers_own_or_the_templates() {
        let rate = ScheduleExpression::Rate(Duration::from_secs(60));
        let own = event(&schedule(rate.clone(), None), 1_583_348_638_390);
        assert_eq!(own["time"], "2020-03-04T19:03:58Z");
        let given = event(&schedule(rate, Some(r#"{"shard":1}"#)), 0);
        assert_eq!(given, json!({"shard": 1}));
    }
}
