//! How far a storm is, and how long it will take: on a terminal, and nowhere else.

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// A bar on standard error, which disappears when this is dropped. The bars of storms that run side by side stand below each other.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins the storm over the interface `name`.
    pub(crate) fn new(name: &'static str, orders: u64) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).expect("a template");
        let bar = ProgressBar::new(orders).with_message(name).with_style(style);
        Self(BARS.add(bar))
    }

    /// So many orders more are settled.
    pub(crate) fn advance(&self, orders: u64) {
        self.0.inc(orders);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Prints a line, above the bars if there are any.
pub(crate) fn print(line: &str) {
    BARS.suspend(|| println!("{line}"));
}

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

const TEMPLATE: &str = "{msg:17} {wide_bar} {pos} of {len} orders, {eta} left";
