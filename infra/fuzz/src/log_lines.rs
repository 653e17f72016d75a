//! Log lines, which hold texts of strangers: operators' tools and CloudWatch's metrics read them line by line.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use shared::telemetry::{
    self, Failure, Metric, RequestLine, Severity, TaskLine, handled_error, log_request, log_task,
    operator_alert, record_metric, unusual_event,
};
use tracing::Dispatch;

use crate::reader::Reader;

/// Any text in every line that has room for one. Each is one object of JSON with that text, and only lines of metrics make metrics.
pub(crate) fn write() -> Reader {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = Dispatch::new(telemetry::subscriber("shop-Order", "shop", move || writer.clone()));
    Box::new(move |input| {
        let text = String::from_utf8_lossy(input).into_owned();
        tracing::dispatcher::with_default(&log, || log_everything(&text));
        let written = lines.take();
        let written: Vec<Value> =
            written.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        assert_eq!(written.len(), FIELDS.len());
        for (line, (field, makes_metric)) in written.iter().zip(FIELDS) {
            assert_eq!(line.get(field).and_then(Value::as_str), Some(text.as_str()), "{field} of {line}");
            assert_eq!(line.get("_aws").is_some(), makes_metric, "{line}");
        }
    })
}

fn log_everything(text: &str) {
    let failure = Failure { code: "BAD_REQUEST", severity: Severity::Warn, chain: Some(text.to_owned()) };
    log_request(&RequestLine {
        function: "order",
        route: "POST /api/orders",
        status: 400,
        failure: Some(failure),
        duration_ms: 1,
        request_id: text,
        operator: Some(text),
        cold_start: false,
    });
    log_task(&TaskLine {
        function: "order-sweep",
        report: Ok(text.to_owned()),
        duration_ms: 1,
        request_id: text,
        cold_start: false,
    });
    operator_alert("refund-state-conflict", &text);
    unusual_event("payment-being-refunded", &text);
    handled_error("read-cursor", &io::Error::other(text.to_owned()));
    record_metric(Metric::WeChatError(text));
}

/// Of each line the field that has the text, and whether CloudWatch makes a metric of the line.
const FIELDS: [(&str, bool); 6] = [
    ("error.chain", true),
    ("report", true),
    ("subject", true),
    ("subject", false),
    ("error.chain", false),
    ("code", true),
];

/// What was written since it was last taken.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).expect("text")
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
