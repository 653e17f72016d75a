//! Serves the timeline: as server-sent events, and as JSON for scripts.
//!
//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    response::sse::{self, KeepAlive, Sse},
    routing::get,
};
use futures_util::{Stream, stream};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::timeline::Timeline;

/// The routes `/timeline` and `/timeline.json`, to be mounted at `/_wechat`. Streams end when `stopped` becomes `true` or closes, because
/// the server waits for them.
pub fn router(timeline: Timeline, stopped: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/timeline", get(stream_events))
        .route("/timeline.json", get(list_events))
        .with_state(TimelineState { timeline, stopped })
}

#[derive(Clone)]
struct TimelineState {
    timeline: Timeline,
    stopped: watch::Receiver<bool>,
}

#[derive(Deserialize)]
struct ListQuery {
    /// The number of the last event that the caller has.
    #[serde(default)]
    after: u64,
}

async fn list_events(State(state): State<TimelineState>, Query(query): Query<ListQuery>) -> Json<Value> {
    Json(json!({ "events": state.timeline.events_after(query.after) }))
}

async fn stream_events(
    State(state): State<TimelineState>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    // A browser sends this header when it connects again.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let reader = Reader { newest: state.timeline.subscribe(), last: last.unwrap_or(query.after), state };
    Sse::new(stream::unfold(reader, next_event)).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

/// A reader of the stream, and how far it has read.
struct Reader {
    state: TimelineState,
    newest: watch::Receiver<u64>,
    last: u64,
}

async fn next_event(mut reader: Reader) -> Option<(Result<sse::Event, Infallible>, Reader)> {
    loop {
        reader.newest.mark_unchanged();
        let Reader { state: TimelineState { timeline, stopped }, newest, last } = &mut reader;
        if let Some(one) = timeline.first_after(*last) {
            *last = one.seq;
            let event = sse::Event::default().id(one.seq.to_string()).data(timeline.text_of(&one));
            return Some((Ok(event), reader));
        }
        tokio::select! {
            changed = newest.changed() => changed.ok()?,
            _ = stopped.wait_for(|stopped| *stopped) => return None,
        }
    }
}

/// How often a comment shows the browser that the connection is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::host::SystemClock;

    use super::*;
    use crate::event::Event;

    fn reader(timeline: &Timeline, stop: &watch::Sender<bool>) -> Reader {
        let state = TimelineState { timeline: timeline.clone(), stopped: stop.subscribe() };
        Reader { newest: timeline.subscribe(), last: 0, state }
    }

    #[tokio::test]
    async fn a_stream_gives_every_event_and_ends_when_the_world_stops() {
        let timeline = Timeline::new(Arc::new(SystemClock), Box::new(str::to_owned));
        let stop = watch::Sender::new(false);
        timeline.record(Event::new("control"));
        let (_, read) = next_event(reader(&timeline, &stop)).await.unwrap();
        assert_eq!(read.last, 1);
        let waiting = tokio::spawn(next_event(read));
        timeline.record(Event::new("control"));
        let (_, read) = waiting.await.unwrap().unwrap();
        assert_eq!(read.last, 2);
        let waiting = tokio::spawn(next_event(read));
        stop.send_replace(true);
        assert!(waiting.await.unwrap().is_none());
        drop(stop);
    }
}
