//! The state that outlives the program: a snapshot of it as JSON, from which another simulator goes on.
//!
//! ```json
//! {"version": 1, "issued_secrets": [...], "users": ..., "sessions": ..., "pay": ..., ...}
//! ```
//!
//! Each service names its part and serializes its own state. A part that is absent begins empty, so that a service may begin to
//! keep its state without a new version. A change that cannot read what was written before needs one.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::core::lock::lock;

/// The state of a simulator that outlives it. It has secrets: session keys and access tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u64,
    /// Session keys, access tokens and tickets, which the log masks.
    pub(crate) issued_secrets: BTreeSet<String>,
    /// The state of each service, by name.
    #[serde(flatten)]
    parts: Map<String, Value>,
}

/// Why there is no snapshot, or why no simulator can go on from one.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The text is no snapshot.
    #[error("it is damaged: it is not the JSON of a simulated WeChat")]
    Damaged(#[source] serde_json::Error),
    /// A newer program wrote it.
    #[error("it has version {0}, which a newer program wrote; this one reads version {VERSION}")]
    OtherVersion(u64),
    /// A part does not have the form of this program.
    #[error("it is damaged: its part {name} can't be used")]
    Part {
        /// The part.
        name: String,
        /// The problem.
        #[source]
        source: serde_json::Error,
    },
    /// This program keeps no such part.
    #[error("it is damaged: this program has no part {0}")]
    UnknownPart(String),
}

impl Snapshot {
    pub(crate) fn new(issued_secrets: BTreeSet<String>) -> Self {
        Self { version: VERSION, issued_secrets, parts: Map::new() }
    }

    /// Parses what [`Self::to_json`] returned.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]: it is something else, or another version of it.
    pub fn parse(json: &[u8]) -> Result<Self, SnapshotError> {
        // The version is looked at first, because a newer snapshot may differ in anything else.
        let VersionField { version } = serde_json::from_slice(json).map_err(SnapshotError::Damaged)?;
        if version != VERSION {
            return Err(SnapshotError::OtherVersion(version));
        }
        serde_json::from_slice(json).map_err(SnapshotError::Damaged)
    }

    /// The snapshot as JSON. It is the same as before if nothing has changed.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Damaged`], if the state cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, SnapshotError> {
        serde_json::to_vec(self).map_err(SnapshotError::Damaged)
    }

    /// Adds the state of a service.
    pub(crate) fn add(&mut self, name: &str, state: &dyn Keep) -> Result<(), SnapshotError> {
        let value = state.save().map_err(|source| SnapshotError::Part { name: name.to_owned(), source })?;
        self.parts.insert(name.to_owned(), value);
        Ok(())
    }

    /// Gives each service its state.
    pub(crate) fn restore(&self, states: &[(&str, &dyn Keep)]) -> Result<(), SnapshotError> {
        for (name, value) in &self.parts {
            let (_, state) = states
                .iter()
                .find(|(known, _)| known == name)
                .ok_or_else(|| SnapshotError::UnknownPart(name.clone()))?;
            state.load(value.clone()).map_err(|source| SnapshotError::Part { name: name.clone(), source })?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct VersionField {
    version: u64,
}

/// A state that outlives the program.
pub(crate) trait Kept: Serialize + DeserializeOwned {
    /// Goes on from the state that was kept. What the options of the simulator say stays as they say.
    fn resume(&mut self, kept: Self) {
        *self = kept;
    }
}

/// A locked [`Kept`] state of any type.
pub(crate) trait Keep {
    fn save(&self) -> serde_json::Result<Value>;

    fn load(&self, kept: Value) -> serde_json::Result<()>;
}

impl<T: Kept> Keep for Mutex<T> {
    fn save(&self) -> serde_json::Result<Value> {
        serde_json::to_value(&*lock(self))
    }

    fn load(&self, kept: Value) -> serde_json::Result<()> {
        let kept = serde_json::from_value(kept)?;
        lock(self).resume(kept);
        Ok(())
    }
}

/// The version that this program writes and reads.
const VERSION: u64 = 1;
