//! A user who asked to be erased: what the user has left goes, table after table, and then from the bucket.
//!
//! The first pass runs at once. Requests that were under way then, and forms for uploads that were given before, can still write for some
//! minutes. So the erasure stays pending until a pass has run after all of them have ended; the schedule comes back to it.

use std::time::Duration;

use serde::Serialize;
use shared::{
    host::{Host, HostError, UploadsBucket},
    service::{BusEvent, EventBus, EventError, EventOutcome},
    store::{Inbox, PendingErasure, PersonEraser},
    telemetry,
    types::{BoxError, ObjectKey, UserId},
};

/// Erases people.
pub(crate) struct UserEraser {
    bus: EventBus,
    eraser: PersonEraser,
    host: Host,
    inbox: Inbox,
    uploads: UploadsBucket,
}

/// What listeners read of an erased user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserErased<'e> {
    event_id: String,
    event: &'static str,
    /// RFC 3339, UTC.
    happened_at: String,
    user_id: &'e UserId,
}

impl UserEraser {
    /// The constructors of its parts read the variables.
    ///
    /// # Errors
    /// [`HostError`]: a variable is missing or malformed.
    pub(crate) fn new(host: &Host) -> Result<Self, HostError> {
        Ok(Self {
            bus: EventBus::new(host)?,
            eraser: PersonEraser::new(host)?,
            host: host.clone(),
            inbox: Inbox::new(host)?,
            uploads: UploadsBucket::new(host)?,
        })
    }

    /// Removes what is there now, and ends the erasure if nothing can come any more: then other systems get to know of it, and the row
    /// forgets who it was.
    ///
    /// # Errors
    /// [`EventError`]: something is still to do. Process the erasure again; each step goes on with what is left.
    pub(crate) async fn erase(&self, erasure: &PendingErasure) -> Result<EventOutcome, EventError> {
        let push_id = &erasure.push_id;
        let failed = |step, cause: BoxError| EventError::at(step, push_id, cause);
        let is_last = self.host.now() >= erasure.erased_at.plus(LATEST_TRACE);
        self.eraser.erase(erasure).await.map_err(|error| failed("erasing a person", error.into()))?;
        for prefix in ObjectKey::prefixes_of(&erasure.person.user_id) {
            let deleted = self.uploads.delete_all(&prefix).await;
            deleted.map_err(|error| failed("erasing uploads", error.into()))?;
        }
        if !is_last {
            return Ok(EventOutcome::Deferred);
        }
        let published = self.publish(erasure).await;
        published.map_err(|error| failed("publishing an erasure", error))?;
        let finished = self.inbox.finish(push_id).await;
        finished.map_err(|error| failed("finishing an erasure", error.into()))?;
        telemetry::unusual_event("user-erased", push_id);
        Ok(EventOutcome::Completed)
    }

    async fn publish(&self, erasure: &PendingErasure) -> Result<(), BoxError> {
        let user_id = &erasure.person.user_id;
        let detail = UserErased {
            event_id: format!("{KIND}#{user_id}"),
            event: KIND,
            happened_at: erasure.erased_at.to_rfc3339(),
            user_id,
        };
        let (detail_type, happened_at) = (KIND, erasure.erased_at);
        let event = BusEvent { source: SOURCE, detail_type, happened_at, detail: &detail };
        Ok(self.bus.put(event).await?)
    }
}

/// How long after the erasure began something of the person can still be written: a form for an upload is valid for five minutes, and
/// its upload takes some more.
const LATEST_TRACE: Duration = Duration::from_secs(15 * 60);
const KIND: &str = "user.erased";
const SOURCE: &str = "mini-program.users";
