//! Progress on standard error, for anything over a second; nothing where nobody watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// A progress bar that shows itself after a second.
pub(crate) struct Bar {
    bar: ProgressBar,
    started: Instant,
}

impl Bar {
    /// Counts things.
    pub(crate) fn new(what: &str, length: u64) -> Self {
        Self::styled(what, length, "{msg:<28} {bar:36} {human_pos:>11}/{human_len} {per_sec} {eta}")
    }

    /// Counts bytes; of 0 bytes the length is unknown.
    pub(crate) fn bytes(what: &str, length: u64) -> Self {
        Self::styled(what, length, "{msg:<28} {bar:36} {bytes:>11}/{total_bytes} {eta}")
    }

    fn styled(what: &str, length: u64, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self { bar, started: Instant::now() }
    }

    pub(crate) fn set(&self, position: u64) {
        if self.bar.is_hidden() && self.started.elapsed() > Duration::from_secs(1) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(position);
    }

    pub(crate) fn length(&self, length: u64) {
        self.bar.set_length(length);
    }

    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
