//! The options of a bundle.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use shared::host::{Clock, SystemClock};

use crate::config::Config;

/// The options of a bundle. [`Default`] is what `cargo run` uses, except that the port is any free one.
#[derive(Clone)]
pub struct BundleOptions {
    /// Where the API and the simulator's controls listen, and at another port the buckets; port 0 is any free port. Everything else
    /// listens on 127.0.0.1.
    pub listen: SocketAddr,
    /// The folder of the database, the uploads and what the simulated WeChat knows; `None` keeps the database and WeChat in memory and
    /// the uploads in a temporary folder.
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
    /// What the throughput of the database's partitions is divided by, in the time of `clock`: 1 is AWS's own, 1,000 writes and 3,000
    /// reads a second; `None` is unlimited.
    pub throughput_scale: Option<u32>,
    /// Whether schedules run and streams are delivered in the background. [`Bundle::run_task`](crate::Bundle::run_task) and
    /// [`Bundle::drain_stream`](crate::Bundle::drain_stream) work in either case.
    pub run_schedules: bool,
}

impl Default for BundleOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: None,
            config: Config::default(),
            parameters: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            notify_speed: 10,
            push_subscribe_events: true,
            trade_managed: true,
            throughput_scale: None,
            run_schedules: true,
        }
    }
}
