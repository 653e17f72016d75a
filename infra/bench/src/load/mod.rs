//! How many orders a second a key of DynamoDB serves: the rate grows until the first request is throttled.
//!
//! The release binaries of the functions run behind the local DynamoDB, whose partitions have AWS's throughput divided by [`SCALE`]. Each
//! partition key has a partition of its own, as after all splitting for heat, so that what throttles is a hot key. Requests follow one
//! another, and the database's clock, which nothing else moves, gives each its time: the rate does not depend on this machine. Nothing
//! here collides, therefore; on AWS, transactions on one row also meet each other.

pub mod ramp;
mod shop;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use shared::types::BoxError;

use crate::{
    plot::{self, Group},
    progress::Progress,
    report::Section,
    table::Table,
};
use ramp::Limit;
use shop::Shop;

/// The functions that an order needs.
pub const FUNCTIONS: [&str; 6] =
    ["login", "order", "order-events", "pay-notify", "products", "unified-order"];

/// A build whose functions are measured.
pub struct LoadedBuild<'a> {
    /// Its `template.yaml`.
    pub template: &'a Path,
    /// The binaries of those of [`FUNCTIONS`] that it has, by name.
    pub binaries: &'a BTreeMap<String, PathBuf>,
}

/// What happens to each order. All are of one product, whose stock is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderPath {
    /// An order is placed.
    Placed,
    /// An order is placed, prepaid and paid, and its event is processed.
    Paid,
}

impl OrderPath {
    /// The functions that every build needs for it.
    #[must_use]
    pub const fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Placed => &["login", "order"],
            Self::Paid => &["login", "order", "order-events", "pay-notify", "unified-order"],
        }
    }

    /// The heading of a row.
    const fn name(self) -> &'static str {
        match self {
            Self::Placed => "orders placed",
            Self::Paid => "orders paid",
        }
    }
}

/// Finds the highest rate at which nothing is throttled.
///
/// # Errors
/// A binary does not start, or refuses a request that was not throttled.
pub async fn measure_path(build: &LoadedBuild<'_>, path: OrderPath) -> Result<Limit, BoxError> {
    ramp::find(FIRST_RATE, MOST, async |rate| hot_key(build, path, rate).await).await
}

/// Measures both paths of a build.
///
/// # Errors
/// As [`measure_path`].
pub async fn measure(build: &LoadedBuild<'_>) -> Result<Section, BoxError> {
    let mut table = Table::new([
        "what",
        "a second, nothing throttled",
        "a second, throttled",
        "the key that throttles first",
    ]);
    let mut groups = Vec::new();
    for path in [OrderPath::Placed, OrderPath::Paid] {
        let limit = measure_path(build, path).await?;
        let (throttled, key) = limit.throttled.unwrap_or_else(|| (0, "none up to this rate".to_owned()));
        let throttled = if throttled == 0 { "–".to_owned() } else { throttled.to_string() };
        groups.push(Group::single(path.name(), limit.served, format!("{}, then {key}", limit.served)));
        table.add_row([path.name().to_owned(), limit.served.to_string(), throttled, key]);
    }
    Ok(Section {
        title: "Orders a second",
        text: format!(
            "Orders of one product whose stock is counted, in as many rows as it can have. The functions run behind the local DynamoDB, whose partitions have 1,000 writes and 3,000 reads a second, divided by {SCALE}; \
             each partition key has its own. A rate is kept up for {} seconds of the database's clock, and one throttled request \
             ends it. Rates are those of AWS, so the measured ones times {SCALE}. Requests follow one another, so that transactions do not \
             meet; on AWS they do.\n",
            WINDOW.as_secs()
        ),
        table,
        targets: Vec::new(),
        plots: vec![plot::bars(
            "load.svg",
            "Orders of one product a second until a key throttles",
            &[],
            &groups,
        )?],
    })
}

/// Keeps up a rate of orders a second. Returns the key that throttled the first request, if one did.
async fn hot_key(build: &LoadedBuild<'_>, path: OrderPath, rate: u64) -> Result<Option<String>, BoxError> {
    let orders = (rate * WINDOW.as_secs() / u64::from(SCALE)).max(1);
    let mut shop = Shop::open(build, SCALE).await?;
    let users = shop.log_in(orders).await?;
    let millis = u64::try_from(WINDOW.as_millis())?;
    let progress = Progress::new(&format!("{}, {rate} a second", path.name()), orders);
    for (number, user) in users.iter().enumerate() {
        progress.step();
        shop.set_time(u64::try_from(number)? * millis / orders);
        let result = shop.order(path, user, number).await;
        if let Some(key) = shop.hot_key() {
            return Ok(Some(key));
        }
        result?;
    }
    Ok(None)
}

/// What the throughput of a partition is divided by.
pub const SCALE: u32 = 100;
/// How long a rate is kept up.
const WINDOW: Duration = Duration::from_secs(10);
/// Orders a second.
const FIRST_RATE: u64 = 100;
/// Orders a second that are the end of the ramp.
const MOST: u64 = 50_000;
