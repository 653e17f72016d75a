//! How far a long measurement is, and how long it will take: on a terminal, and nowhere else.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, which disappears when this is dropped. Nothing is drawn when standard error is no terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins a task of so many steps.
    #[must_use]
    pub fn new(task: &str, steps: u64) -> Self {
        let bar = ProgressBar::new(steps).with_message(task.to_owned());
        // The template is a constant, so that an error would be seen at the first use; the default style serves then.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// A step is done.
    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

const TEMPLATE: &str = "{msg} {wide_bar} {pos} of {len}, {eta} left";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
