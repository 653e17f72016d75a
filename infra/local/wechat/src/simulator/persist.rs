//! The methods of the simulator that concern its snapshot.

use super::{Simulator, SimulatorOptions};
use crate::core::persist::{Keep, Snapshot, SnapshotError};

impl Simulator {
    /// A WeChat that goes on where another was when it made the snapshot.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]: a part of the snapshot does not have the form of this program.
    pub fn resume(options: SimulatorOptions, snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let simulator = Self::new(options);
        // The secrets first, so that no log shows one that is live.
        for secret in &snapshot.issued_secrets {
            simulator.context().log().add_secret(secret);
        }
        snapshot.restore(&simulator.kept())?;
        Ok(simulator)
    }

    /// What outlives the program: users, sessions, access tokens, consents, steps, chats, cards, and the ledger of WeChat Pay.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`], if a state cannot be written as JSON.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let mut snapshot = Snapshot::new(self.context().log().issued().cloned().collect());
        for (name, state) in self.kept() {
            snapshot.add(name, state)?;
        }
        Ok(snapshot)
    }

    fn kept(&self) -> Vec<(&'static str, &dyn Keep)> {
        self.parts.services.iter().flat_map(|service| service.kept()).collect()
    }
}
