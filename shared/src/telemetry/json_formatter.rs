//! Formats a log line: one JSON object for CloudWatch, with the metrics that the line is a sample of.
//!
//! CloudWatch reads metrics out of the log (embedded metric format): a line with the field `_aws` names its own fields as metrics
//! and dimensions. So a metric costs no request, and the lines it is made of can be read.

use std::{fmt, time::SystemTime};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
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
        let mut fields = JsonFields::default();
        event.record(&mut fields);
        let JsonFields(fields) = fields;
        let sample = MetricSample::of(&fields);
        let level = level(*event.metadata().level());
        let line = Line { formatter: self, now: now(), level, fields: &fields, sample };
        writer.write_str(&serde_json::to_string(&line).map_err(|_| fmt::Error)?)?;
        writer.write_char('\n')
    }
}

/// A line. It is serialized from what it borrows, because every request writes a few.
struct Line<'l> {
    formatter: &'l JsonFormatter,
    now: OffsetDateTime,
    level: &'static str,
    fields: &'l [(&'static str, Value)],
    sample: Option<MetricSample<'l>>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &self.now.format(&Rfc3339).unwrap_or_default())?;
        line.serialize_entry("level", self.level)?;
        for (name, value) in self.fields {
            line.serialize_entry(name, value)?;
        }
        if let Some(sample) = &self.sample {
            line.serialize_entry("FunctionName", &self.formatter.function_name)?;
            if sample.of_stack {
                line.serialize_entry("Stack", &self.formatter.stack_name)?;
            }
            if let Some((name, value)) = sample.dimension {
                line.serialize_entry(name, value)?;
            }
            for (name, _, value) in &sample.values {
                line.serialize_entry(name, value)?;
            }
            line.serialize_entry("_aws", &sample.metadata(self.now))?;
        }
        line.end()
    }
}

/// The metrics that a line is a sample of, with their dimension.
struct MetricSample<'l> {
    /// Name, unit, value.
    values: Vec<(&'l str, &'static str, u64)>,
    dimension: Option<(&'static str, &'l Value)>,
    /// Whether the metric is the stack's, whichever function records it.
    of_stack: bool,
}

impl<'l> MetricSample<'l> {
    fn of(fields: &'l [(&'static str, Value)]) -> Option<Self> {
        let get = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let number = |name: &str| get(name)?.as_u64();
        // The names of alerts and metrics follow a colon.
        Some(match get("message")?.as_str()?.split(": ").next()? {
            "request handled" => Self {
                values: vec![("Requests", "Count", 1), ("Duration", "Milliseconds", number("duration_ms")?)],
                dimension: get("code").map(|code| ("Code", code)),
                of_stack: false,
            },
            "task completed" | "task failed" => Self {
                values: vec![
                    ("TaskFailures", "Count", u64::from(get("error.chain").is_some())),
                    ("Duration", "Milliseconds", number("duration_ms")?),
                ],
                dimension: None,
                of_stack: false,
            },
            "operator alert" => Self {
                values: vec![("OperatorAlerts", "Count", 1)],
                dimension: get("alert").map(|alert| ("Alert", alert)),
                of_stack: true,
            },
            "metric recorded" => Self {
                values: vec![(get("metric")?.as_str()?, "Count", number("value")?)],
                dimension: [("code", "Code"), ("outcome", "Outcome"), ("kind", "Kind")]
                    .into_iter()
                    .find_map(|(field, name)| get(field).map(|value| (name, value))),
                of_stack: get("kind").is_some(),
            },
            _ => return None,
        })
    }

    /// What tells CloudWatch which fields of the line are metrics and dimensions.
    fn metadata(&self, now: OffsetDateTime) -> Metadata<'_> {
        // CloudWatch keeps one metric for each set of dimensions, and charges for each.
        let dimensions = match (self.dimension, self.of_stack) {
            (Some((name, _)), true) => vec![vec!["Stack", name]],
            (Some((name, _)), false) => vec![vec!["FunctionName"], vec!["FunctionName", name]],
            (None, _) => vec![vec!["FunctionName"]],
        };
        let metrics = self.values.iter().map(|(name, unit, _)| MetricDefinition { name, unit }).collect();
        let milliseconds = now.unix_timestamp().saturating_mul(1000).saturating_add(now.millisecond().into());
        Metadata {
            timestamp: milliseconds,
            cloud_watch_metrics: [MetricDirective { namespace: NAMESPACE, dimensions, metrics }],
        }
    }
}

/// The field `_aws` of the embedded metric format.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'l> {
    timestamp: i64,
    cloud_watch_metrics: [MetricDirective<'l>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDirective<'l> {
    namespace: &'static str,
    dimensions: Vec<Vec<&'static str>>,
    metrics: Vec<MetricDefinition<'l>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDefinition<'l> {
    name: &'l str,
    unit: &'static str,
}

#[derive(Default)]
struct JsonFields(Vec<(&'static str, Value)>);

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}").into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), value.into()));
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

    use serde_json::json;

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
