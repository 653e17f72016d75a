//! What `cargo run` writes to standard error: JSON lines as the functions write them in the cloud, or lines for people.
//!
//! ```text
//! 12:31:00 user     POST /api/pay/unified-order        200 OK            21 ms  WeChat: /pay/unifiedorder ok
//! ```
//! A line for people is made of the timeline's event of the request, so it says nothing that the timeline hides. Warnings and errors of
//! the functions follow as lines of their own.

use std::{collections::BTreeMap, fmt, io};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use local_phone::Timeline;
use serde_json::Value;
use shared::{telemetry, types::UnixSeconds};
use tokio::task::JoinHandle;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt};

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line a request, for people.
    Text,
    /// A JSON object a line, as the functions write it in the cloud.
    Json,
}

impl LogFormat {
    /// Lines for people on a terminal, JSON into a pipe or a file.
    #[must_use]
    pub fn of(stream: &impl io::IsTerminal) -> Self {
        if stream.is_terminal() { Self::Text } else { Self::Json }
    }

    /// Installs the log of this process. The lines of the embedded database and of the S3 server are left out, because they warn of every
    /// failed condition and of every refused form, and functions expect those.
    pub fn install(self) {
        let is_of_server = |target: &str| ["dynoxide", "s3s"].iter().any(|name| target.starts_with(name));
        let without_servers = filter_fn(move |metadata| !is_of_server(metadata.target()));
        // This fails only when a subscriber is installed already, and none is.
        let _ = match self {
            Self::Json => tracing::subscriber::set_global_default(
                telemetry::subscriber("local", "local", io::stderr).with(without_servers),
            ),
            Self::Text => tracing::subscriber::set_global_default(
                tracing_subscriber::fmt()
                    .compact()
                    .without_time()
                    .with_target(false)
                    .with_max_level(LevelFilter::WARN)
                    .with_writer(io::stderr)
                    .finish()
                    .with(without_servers),
            ),
        };
    }
}

/// Writes a line for each request to standard error, with colours if it is a terminal that wants them, until the task is aborted.
#[must_use]
pub fn spawn_request_lines(timeline: Timeline) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (mut changes, mut lines, mut seen) = (timeline.subscribe(), RequestLines::default(), 0);
        while changes.changed().await.is_ok() {
            changes.mark_unchanged();
            for event in timeline.events_after(seen) {
                seen = event.get("seq").and_then(Value::as_u64).unwrap_or(seen);
                if let Some(line) = lines.line(&event) {
                    // A closed standard error must not end the program.
                    let _ =
                        io::Write::write_fmt(&mut AutoStream::auto(io::stderr()), format_args!("{line}\n"));
                }
            }
        }
    })
}

/// Makes lines of the timeline's events.
#[derive(Default)]
struct RequestLines {
    /// The calls to WeChat of requests that are under way, by request id.
    wechat: BTreeMap<String, Vec<String>>,
}

impl RequestLines {
    /// The line of the event, if it is a request's.
    fn line(&mut self, event: &Value) -> Option<RequestLine> {
        let member = |name: &str| event.get(name);
        let text = |name: &str| member(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| member(name).and_then(Value::as_u64);
        match text("kind").as_str() {
            // Calls of tasks have no request that would take them away.
            "wechat" if member("requestId").is_some() => {
                if self.wechat.len() >= MAX_UNDER_WAY {
                    self.wechat.pop_first();
                }
                let call = format!("{} {}", text("path"), text("outcome"));
                self.wechat.entry(text("requestId")).or_default().push(call);
                None
            }
            "request" => Some(RequestLine {
                at: UnixSeconds::new(number("at")? / 1000),
                caller: text("caller"),
                route: text("route"),
                status: number("status")?,
                code: member("code").and_then(Value::as_str).unwrap_or("OK").to_owned(),
                duration_ms: member("durationMs").and_then(Value::as_f64).unwrap_or_default(),
                wechat: self.wechat.remove(&text("requestId")).unwrap_or_default(),
            }),
            _ => None,
        }
    }
}

/// A line for people.
struct RequestLine {
    at: UnixSeconds,
    caller: String,
    route: String,
    status: u64,
    code: String,
    duration_ms: f64,
    /// Path and result of each call to WeChat.
    wechat: Vec<String>,
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, caller, route, status, code, duration_ms, wechat } = self;
        // The time of day in UTC+8, as WeChat's consoles show it.
        let seconds = (at.get() + 8 * 60 * 60) % (24 * 60 * 60);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let result = match status {
            0..400 => AnsiColor::Green,
            400..500 => AnsiColor::Yellow,
            _ => AnsiColor::Red,
        };
        let (dim, result) = (Style::new().dimmed(), result.on_default());
        write!(
            f,
            "{dim}{hours:02}:{minutes:02}:{seconds:02}{dim:#} {caller:8} {route:42} {result}{status} {code:20}{result:#} {duration_ms:6.0} ms"
        )?;
        if !wechat.is_empty() {
            write!(f, "  {dim}WeChat: {}{dim:#}", wechat.join(", "))?;
        }
        Ok(())
    }
}

/// How many requests with calls to WeChat are remembered.
const MAX_UNDER_WAY: usize = 1000;

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_has_the_request_and_its_calls_to_wechat() {
        let mut lines = RequestLines::default();
        let call =
            json!({ "kind": "wechat", "requestId": "r-1", "path": "/pay/unifiedorder", "outcome": "ok" });
        assert!(lines.line(&call).is_none());
        let request = json!({
            "kind": "request", "requestId": "r-1", "at": 1_795_840_260_000_u64, "caller": "user",
            "route": "POST /api/pay/unified-order", "status": 200, "durationMs": 20.6,
        });
        let line = lines.line(&request).unwrap().to_string();
        let plain = strip_str(&line).to_string();
        assert_eq!(
            plain.split_whitespace().collect::<Vec<_>>().join(" "),
            "12:31:00 user POST /api/pay/unified-order 200 OK 21 ms WeChat: /pay/unifiedorder ok"
        );
        assert_ne!(line, plain, "it has colours");
        assert!(lines.wechat.is_empty());
    }

    #[test]
    fn a_failure_shows_its_code_in_another_colour() {
        let line = |status: u64, code: &str| {
            let request =
                json!({ "kind": "request", "at": 0, "status": status, "code": code, "route": "GET /x" });
            RequestLines::default().line(&request).unwrap().to_string()
        };
        let (refused, failed) = (line(409, "ORDER_PAID"), line(500, "INTERNAL_ERROR"));
        assert!(refused.contains(&format!("{}409 ORDER_PAID", AnsiColor::Yellow.on_default())), "{refused}");
        assert!(failed.contains(&format!("{}500 INTERNAL_ERROR", AnsiColor::Red.on_default())), "{failed}");
    }

    #[test]
    fn calls_of_tasks_are_not_remembered_for_ever() {
        let mut lines = RequestLines::default();
        for n in 0..MAX_UNDER_WAY + 9 {
            let _ = lines.line(&json!({ "kind": "wechat", "requestId": format!("sweep-{n}") }));
        }
        assert_eq!(lines.wechat.len(), MAX_UNDER_WAY);
    }
}
