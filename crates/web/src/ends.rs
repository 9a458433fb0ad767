//! How long the journal is. Brokers that are silent are waited for without an end, and nobody who asks is held up by it.

use smarketing_engine::{Intake, log};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Longest wait for the journal's answer. Monitors ask every few seconds, and give up soon.
const ANSWER: Duration = Duration::from_secs(2);

pub(crate) struct Ends {
    intake: Arc<Intake>,
    /// The question that waits for an answer: one at a time, however many ask.
    asked: Mutex<Option<JoinHandle<log::Result<Vec<u64>>>>>,
}

impl Ends {
    pub(crate) fn new(intake: Arc<Intake>) -> Self {
        Self { intake, asked: Mutex::new(None) }
    }

    /// How many entries each partition has; `None` while the journal does not answer.
    pub(crate) async fn ask(&self) -> Option<Vec<u64>> {
        match tokio::time::timeout(ANSWER, self.answer()).await {
            Ok(Ok(ends)) => return Some(ends),
            Ok(Err(why)) => tracing::error!(why, "the journal does not say how long it is"),
            Err(_) => tracing::warn!("the journal does not say how long it is, and is not waited for"),
        }
        None
    }

    async fn answer(&self) -> Result<Vec<u64>, String> {
        let mut asked = self.asked.lock().await;
        let question = asked.get_or_insert_with(|| {
            let intake = Arc::clone(&self.intake);
            tokio::task::spawn_blocking(move || intake.ends())
        });
        let answer = question.await;
        *asked = None;
        answer.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}
