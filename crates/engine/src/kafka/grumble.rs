//! What goes wrong many times a second is said now and then.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two times of saying the same.
const EVERY: Duration = Duration::from_secs(10);

/// When something was said last.
pub(crate) struct Grumble(Mutex<Option<Instant>>);

impl Grumble {
    /// About something that was never said.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether it is time to say it; it is taken as said then.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due_at(Instant::now())
    }

    fn is_due_at(&self, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said.is_none_or(|said| now.duration_since(said) >= EVERY);
        if due {
            *said = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_at_once_and_then_now_and_again() {
        let (grumble, start) = (Grumble::new(), Instant::now());
        let said = (0..25).filter(|second| grumble.is_due_at(start + Duration::from_secs(*second)));
        assert_eq!(said.collect::<Vec<_>>(), [0, 10, 20]);
    }
}
