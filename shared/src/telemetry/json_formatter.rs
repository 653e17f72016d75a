//! Formats a log line: one JSON object for CloudWatch, with the metrics that the line is a sample of.
//!
//! CloudWatch reads metrics out of the log (embedded metric format): a line with the field `_aws` names its own fields as metrics
//! and dimensions. So a metric costs no request, and the lines it is made of can be read.

use std::{fmt, time::SystemTime};

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Formats each event of `tracing` as a JSON line.
pub(super) struct JsonFormatter {
    /// The deployed function's name: the first dimension of a metric of one function.
    pub(super) function_name: String,
    /// The stack's name: the first dimension of a metric that several functions record, so that one alarm watches them all.
    pub(super) stack_name: String,
}

impl<S, N> FormatEvent<S, N> for JsonFormatter
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = now();
        let mut fields = JsonFields::default();
        fields.0.insert("timestamp".to_owned(), now.format(&Rfc3339).unwrap_or_default().into());
        fields.0.insert("level".to_owned(), level(*event.metadata().level()).into());
        event.record(&mut fields);
        self.add_metrics(&mut fields.0, now);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

impl JsonFormatter {
    /// Adds the metrics that the line is a sample of, if it is one.
    fn add_metrics(&self, line: &mut Map<String, Value>, now: OffsetDateTime) {
        let Some(sample) = MetricSample::of(line) else { return };
        let names: Vec<Value> =
            sample.values.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
        // CloudWatch keeps one metric for each set of dimensions, and charges for each.
        let dimensions = match (&sample.dimension, sample.of_stack) {
            (Some((name, _)), true) => vec![json!(["Stack", name])],
            (Some((name, _)), false) => vec![json!(["FunctionName"]), json!(["FunctionName", name])],
            (None, _) => vec![json!(["FunctionName"])],
        };
        let directive = json!([{ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": names }]);
        line.insert("FunctionName".to_owned(), self.function_name.as_str().into());
        if sample.of_stack {
            line.insert("Stack".to_owned(), self.stack_name.as_str().into());
        }
        if let Some((name, value)) = sample.dimension {
            line.insert(name.to_owned(), value);
        }
        for (name, _, value) in sample.values {
            line.insert(name, value);
        }
        let at = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        line.insert("_aws".to_owned(), json!({ "Timestamp": at, "CloudWatchMetrics": directive }));
    }
}

/// The metrics that a line is a sample of, with their dimension.
struct MetricSample {
    /// Name, unit, value.
    values: Vec<(String, &'static str, Value)>,
    dimension: Option<(&'static str, Value)>,
    /// Whether the metric is the stack's, whichever function records it.
    of_stack: bool,
}

impl MetricSample {
    fn of(line: &Map<String, Value>) -> Option<Self> {
        let get = |name: &str| line.get(name).cloned();
        let one = |name: &str| vec![(name.to_owned(), "Count", json!(1))];
        // The names of alerts and metrics follow a colon.
        Some(match line.get("message")?.as_str()?.split(": ").next()? {
            "request handled" => Self {
                values: [one("Requests"), vec![("Duration".to_owned(), "Milliseconds", get("duration_ms")?)]]
                    .concat(),
                dimension: get("code").map(|code| ("Code", code)),
                of_stack: false,
            },
            "task completed" | "task failed" => Self {
                values: vec![
                    ("TaskFailures".to_owned(), "Count", json!(u8::from(get("error.chain").is_some()))),
                    ("Duration".to_owned(), "Milliseconds", get("duration_ms")?),
                ],
                dimension: None,
                of_stack: false,
            },
            "operator alert" => Self {
                values: one("OperatorAlerts"),
                dimension: get("alert").map(|alert| ("Alert", alert)),
                of_stack: true,
            },
            "metric recorded" => Self {
                values: vec![(get("metric")?.as_str()?.to_owned(), "Count", get("value")?)],
                dimension: [("code", "Code"), ("outcome", "Outcome"), ("kind", "Kind")]
                    .into_iter()
                    .find_map(|(field, name)| get(field).map(|value| (name, value))),
                of_stack: get("kind").is_some(),
            },
            _ => return None,
        })
    }
}

#[derive(Default)]
struct JsonFields(Map<String, Value>);

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

#[expect(clippy::disallowed_methods, reason = "a log line holds the machine's own time")]
fn now() -> OffsetDateTime {
    OffsetDateTime::from(SystemTime::now()).truncate_to_microsecond()
}

const NAMESPACE: &str = "mini-program";

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::super::{Metric, operator_alert, record_metric, subscriber, unusual_event};
    use super::*;

    /// The lines that `work` logs.
    fn logged(work: impl FnOnce()) -> Vec<Value> {
        #[derive(Clone, Default)]
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(subscriber("shop-Login", "shop", move || writer.clone()), work);
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn an_operator_alert_is_a_metric_with_stack_and_alert_as_dimensions() {
        let lines = logged(|| operator_alert("refund-state-conflict", &"R1"));
        let line = &lines[0];
        assert_eq!((&line["level"], &line["subject"]), (&json!("WARN"), &json!("R1")));
        assert_eq!(line["message"], "operator alert: refund-state-conflict");
        assert_eq!(
            (&line["OperatorAlerts"], &line["Alert"], &line["FunctionName"]),
            (&json!(1), &json!("refund-state-conflict"), &json!("shop-Login"))
        );
        assert_eq!(line["Stack"], "shop");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "mini-program");
        assert_eq!(directive["Dimensions"], json!([["Stack", "Alert"]]));
        assert_eq!(directive["Metrics"], json!([{ "Name": "OperatorAlerts", "Unit": "Count" }]));
        assert!(line["_aws"]["Timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000_000));
    }

    #[test]
    fn only_a_recorded_metric_and_an_operator_alert_are_samples() {
        let lines = logged(|| {
            record_metric(Metric::Notice("probe"));
            record_metric(Metric::CaseOpened("OVERSOLD"));
            unusual_event("payment-being-refunded", &"4200000000");
        });
        assert_eq!((&lines[0]["Notices"], &lines[0]["Outcome"]), (&json!(1), &json!("probe")));
        let dimensions = |line: &Value| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"].clone();
        assert_eq!(dimensions(&lines[0]), json!([["FunctionName"], ["FunctionName", "Outcome"]]));
        assert_eq!((&lines[1]["CasesOpened"], &lines[1]["Kind"]), (&json!(1), &json!("OVERSOLD")));
        assert_eq!(dimensions(&lines[1]), json!([["Stack", "Kind"]]), "one alarm for all functions");
        assert_eq!(lines[2].get("_aws"), None);
        assert_eq!(lines[2]["message"], "unusual event: payment-being-refunded");
        assert_eq!(lines[2]["event"], "payment-being-refunded");
    }
}
