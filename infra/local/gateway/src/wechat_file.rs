//! The file in the data folder with the simulated WeChat's users and orders.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use local_wechat::{Simulator, SimulatorOptions, Snapshot, SnapshotError};
use shared::types::error_chain;
use tokio::{sync::watch, task::JoinHandle};

use crate::error::StartError;

/// Keeps the simulated WeChat's snapshot in a file.
pub(crate) struct WeChatFile {
    path: PathBuf,
    wechat: Simulator,
    /// The content of the file, as far as this program has written it.
    written: Mutex<Vec<u8>>,
}

/// Starts the simulated WeChat, from what the last run left in the data folder.
///
/// # Errors
/// [`StartError::WeChatFile`]: there is a file, but it can't be read or does not fit. It stays as it is.
pub(crate) fn start_simulator(
    options: SimulatorOptions,
    data: Option<&Path>,
) -> Result<Simulator, StartError> {
    let Some(path) = data.map(|folder| folder.join(FILE_NAME)) else { return Ok(Simulator::new(options)) };
    let json = match fs::read(&path) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Simulator::new(options)),
        Err(source) => return Err(StartError::WeChatFile { path, source }),
    };
    let resumed = Snapshot::parse(&json).and_then(|snapshot| Simulator::resume(options, &snapshot));
    resumed.map_err(|error| StartError::WeChatFile { path, source: invalid(error) })
}

impl WeChatFile {
    pub(crate) fn new(folder: &Path, wechat: Simulator) -> Self {
        Self { path: folder.join(FILE_NAME), wechat, written: Mutex::default() }
    }

    /// Saves what has changed since the last time.
    ///
    /// A run that ends at any moment leaves the old file or the new one, because the new one is whole on the disk before it takes the
    /// old one's name.
    pub(crate) fn save(&self) -> io::Result<()> {
        // Locked until the end, so that an older snapshot never replaces a newer one.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let json = self.wechat.snapshot().and_then(|snapshot| snapshot.to_json()).map_err(invalid)?;
        if *written != json {
            replace(&self.path, &json)?;
            *written = json;
        }
        Ok(())
    }

    /// Saves every second, until the bundle stops.
    pub(crate) fn spawn(self: &Arc<Self>, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
        let file = Arc::clone(self);
        tokio::spawn(async move {
            while tokio::time::timeout(INTERVAL, stopped.wait_for(|stopped| *stopped)).await.is_err() {
                file.save_in_background().await;
            }
        })
    }

    /// Saves on a thread that may block. A failure is logged, and the next save tries again.
    pub(crate) async fn save_in_background(self: &Arc<Self>) {
        let file = Arc::clone(self);
        let saved = tokio::task::spawn_blocking(move || file.save()).await;
        if let Err(error) = saved.map_err(io::Error::other).flatten() {
            let chain = error_chain(&error);
            tracing::error!(path = %self.path.display(), error.chain = chain, "users and orders of WeChat not saved");
        }
    }
}

/// Replaces the file's content at once.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // The file has session keys and access tokens.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn invalid(error: SnapshotError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The file's name in the data folder.
const FILE_NAME: &str = "wechat.json";

/// How much of what WeChat knows is lost at most when the program is killed.
const INTERVAL: Duration = Duration::from_secs(1);
