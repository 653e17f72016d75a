//! The timeline: the newest events of the local world, for readers that come at any time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use serde_json::Value;
use shared::host::Clock;
use tokio::sync::watch;

use crate::{
    about,
    event::Event,
    invocations::{OpenInvocation, OpenInvocations},
    redaction,
};

/// Hides the secrets that the local world knows in the JSON text of an event.
pub type Masker = Box<dyn Fn(&str) -> String + Send + Sync>;

/// The newest events. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Timeline(Arc<Parts>);

/// A handle that does not keep the timeline alive, for observers inside of what its [`Masker`] uses.
#[derive(Clone)]
pub struct WeakTimeline(Weak<Parts>);

impl WeakTimeline {
    /// The timeline, if it is still there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Timeline> {
        self.0.upgrade().map(Timeline)
    }
}

struct Parts {
    clock: Arc<dyn Clock>,
    mask: Masker,
    recorded: Mutex<VecDeque<Arc<RecordedEvent>>>,
    /// The number of the newest event; 0 before the first.
    newest: watch::Sender<u64>,
    invocations: Arc<OpenInvocations>,
}

/// An event with its number and its time.
pub(crate) struct RecordedEvent {
    pub(crate) seq: u64,
    at: u64,
    event: Event,
}

impl Timeline {
    /// A timeline without events, whose times are those of `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, mask: Masker) -> Self {
        Self(Arc::new(Parts {
            clock,
            mask,
            recorded: Mutex::default(),
            newest: watch::Sender::new(0),
            invocations: Arc::default(),
        }))
    }

    /// A handle that does not keep the timeline alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakTimeline {
        WeakTimeline(Arc::downgrade(&self.0))
    }

    /// Adds an event. The oldest one is dropped if there are too many.
    pub fn record(&self, event: Event) {
        let at = event.begun_at.unwrap_or_else(|| {
            let duration = event.duration.unwrap_or_default().as_millis();
            self.0.clock.now_millis().saturating_sub(u64::try_from(duration).unwrap_or_default())
        });
        let mut recorded = self.lock();
        let seq = recorded.back().map_or(0, |newest| newest.seq).saturating_add(1);
        if recorded.len() >= MAX_EVENTS {
            recorded.pop_front();
        }
        recorded.push_back(Arc::new(RecordedEvent { seq, at, event }));
        // Under the lock, so that the number never goes back.
        self.0.newest.send_replace(seq);
    }

    /// Marks the begin of a call of a function, which ends when the result is dropped. `parent` is the request id of the call that waits
    /// for it.
    #[must_use]
    pub fn open_invocation(
        &self,
        function: &str,
        request_id: &str,
        parent: Option<String>,
    ) -> OpenInvocation {
        self.0.invocations.open(function, request_id, parent)
    }

    /// Function and request id of the call that is running, if only one is: of `function`, or of any function.
    #[must_use]
    pub fn running_invocation(&self, function: Option<&str>) -> Option<(String, String)> {
        self.0.invocations.running(function)
    }

    /// The events with a greater number, oldest first, as readers see them.
    #[must_use]
    pub fn events_after(&self, seq: u64) -> Vec<Value> {
        self.texts_after(seq).iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
    }

    /// As [`Timeline::events_after`], each as JSON text.
    #[must_use]
    pub fn texts_after(&self, seq: u64) -> Vec<String> {
        let recorded: Vec<_> = self.lock().iter().filter(|one| one.seq > seq).cloned().collect();
        recorded.iter().map(|one| self.text_of(one)).collect()
    }

    /// The first event with a greater number.
    pub(crate) fn first_after(&self, seq: u64) -> Option<Arc<RecordedEvent>> {
        let recorded = self.lock();
        let at = recorded.partition_point(|one| one.seq <= seq);
        recorded.get(at).cloned()
    }

    /// A receiver that changes with every event.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }

    /// The event as readers see it, as JSON text.
    pub(crate) fn text_of(&self, one: &RecordedEvent) -> String {
        let mut json = Value::Object(one.event.to_json(one.seq, one.at));
        redaction::hide(&mut json);
        let text = json.to_string();
        let ids: Value = about::ids(&text).into_iter().collect();
        if let Some(members) = json.as_object_mut() {
            members.insert("about".to_owned(), ids);
        }
        (self.0.mask)(&json.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<RecordedEvent>>> {
        self.0.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many events are kept.
const MAX_EVENTS: usize = 2000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use shared::host::Clock;

    use super::*;

    struct FixedClock;

    impl Clock for FixedClock {
        fn now_millis(&self) -> u64 {
            5000
        }
    }

    fn timeline() -> Timeline {
        Timeline::new(Arc::new(FixedClock), Box::new(|text| text.replace("topsecret", "***")))
    }

    #[test]
    fn events_are_numbered_dated_and_hidden() {
        let timeline = timeline();
        timeline.record(Event::new("request").with("token", "x").lasting(Duration::from_millis(20)));
        timeline
            .record(Event::new("wechat").with("path", "topsecret 01KB4Q2Z7M3N5P8R9S0T1V2W3X").begun_at(7));
        assert_eq!(
            timeline.events_after(0),
            [
                json!({"seq": 1, "at": 4980, "kind": "request", "durationMs": 20.0, "token": "***", "about": []}),
                json!({"seq": 2, "at": 7, "kind": "wechat", "path": "*** 01KB4Q2Z7M3N5P8R9S0T1V2W3X",
                       "about": ["01KB4Q2Z7M3N5P8R9S0T1V2W3X"]}),
            ]
        );
        assert_eq!(timeline.events_after(1).len(), 1);
    }

    #[test]
    fn the_newest_events_are_kept() {
        let timeline = timeline();
        for _ in 0..MAX_EVENTS + 5 {
            timeline.record(Event::new("control"));
        }
        let events = timeline.events_after(0);
        assert_eq!((events.len(), &events[0]["seq"]), (MAX_EVENTS, &json!(6)));
        assert_eq!(timeline.first_after(0).unwrap().seq, 6);
        assert_eq!(timeline.first_after(6).unwrap().seq, 7);
        assert!(timeline.first_after(2005).is_none());
    }
}
