//! The options of a bundle.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use shared::host::{Clock, SystemClock};

use crate::config::Config;

/// The options of a bundle. [`Default`] is what `cargo run` uses, except that the port is any free one.
#[derive(Clone)]
pub struct BundleOptions {
    /// The port to listen on at 127.0.0.1; 0 is any free port.
    pub port: u16,
    /// The folder of the database and the uploads; `None` keeps the database in memory and the uploads in a temporary folder.
    pub data: Option<PathBuf>,
    /// The configuration file's content.
    pub config: Config,
    /// Parameters of the template by name. They win over those from the configuration file.
    pub parameters: BTreeMap<String, String>,
    /// The clock of the functions, the simulator and the gateway, until it is moved forward. The database uses the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// Divides the waits between redeliveries of a payment notice or a push.
    pub notify_speed: u32,
    /// Whether the simulated WeChat pushes the events of subscribe messages.
    pub push_subscribe_events: bool,
    /// Whether the simulated WeChat freezes what the mini program takes until it is shipped and received.
    pub trade_managed: bool,
    /// Whether schedules run and streams are delivered in the background. [`Bundle::run_task`](crate::Bundle::run_task) and
    /// [`Bundle::drain_stream`](crate::Bundle::drain_stream) work in either case.
    pub run_schedules: bool,
}

impl Default for BundleOptions {
    fn default() -> Self {
        Self {
            port: 0,
            data: None,
            config: Config::default(),
            parameters: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            notify_speed: 10,
            push_subscribe_events: true,
            trade_managed: true,
            run_schedules: true,
        }
    }
}
