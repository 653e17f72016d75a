//! How to start.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use shared::host::{Clock, SystemClock};

use crate::config::Config;

/// How to start. [`Default`] is what `cargo run` does, on any free port.
#[derive(Clone)]
pub struct Options {
    /// Where to listen on 127.0.0.1; 0 is any free port.
    pub port: u16,
    /// The folder that the database is kept in; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// What the configuration file says.
    pub config: Config,
    /// Parameters of the template that the configuration file does not set, by name.
    pub parameters: BTreeMap<String, String>,
    /// The time, for the functions, the simulator and the gateway. The database follows the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// Divides the waits between redeliveries of a payment notice.
    pub notify_speed: u32,
    /// Whether the template's schedules run and its streams are delivered by themselves;
    /// [`Bundle::run_task`](crate::Bundle::run_task) and [`Bundle::drain_stream`](crate::Bundle::drain_stream) work without.
    pub run_schedules: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            data: None,
            config: Config::default(),
            parameters: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            notify_speed: 10,
            run_schedules: true,
        }
    }
}
