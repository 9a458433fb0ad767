//! Getting in and going out: whether brokers answer and let us in, and how long whoever waits for them still waits.

use super::{Cluster, Error, READERS, passes};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest wait for one answer while knocking.
const KNOCK: Duration = Duration::from_secs(1);
/// How long being refused must last before it is believed: one broker of several may only just be starting.
const BELIEF: Duration = Duration::from_secs(3);
/// How long somebody must have been there to answer.
const WAIT: Duration = Duration::from_secs(15);

/// How often a thread that is to end is looked at.
const GLANCE: Duration = Duration::from_millis(10);
/// What a thread has to say goodbye, once nothing more is waited for.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long whoever waits for brokers still waits: for ever, until an end is set. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<OnceLock<Instant>>);

impl Patience {
    /// From now on, nobody waits longer than this. Only the first call counts.
    pub fn ends_in(&self, left: Duration) {
        let _first = self.0.set(Instant::now() + left);
    }

    /// Whether nobody waits any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.get().is_some_and(|end| Instant::now() >= *end)
    }

    /// Waits for a thread that speaks with brokers. One that is not done soon after patience ended is left alone, and
    /// ends with the process: false.
    pub(crate) fn join(&self, thread: JoinHandle<()>) -> bool {
        let mut since = None;
        while !thread.is_finished() {
            if self.is_over() && since.get_or_insert_with(Instant::now).elapsed() >= FAREWELL {
                tracing::warn!(thread = thread.thread().name(), "the brokers are away: not waited for");
                return false;
            }
            std::thread::sleep(GLANCE);
        }
        let _said_already = thread.join();
        true
    }
}

impl Cluster {
    /// Waits until a broker answers and lets us in; `topic` is one we are going to use.
    ///
    /// # Errors
    /// What a person must see to: credentials or certificates that are refused, brokers that do not answer.
    pub fn knock(&self, topic: &str) -> Result<(), Error> {
        let config = self.consumer(READERS, &[]);
        let consumer: BaseConsumer<Ear> =
            config.create_with_context(Ear::default()).map_err(|error| Error::settings(&error))?;
        let started = Instant::now();
        loop {
            let answer = consumer.client().fetch_metadata(Some(topic), KNOCK);
            // What went wrong is told to whoever polls.
            while consumer.poll(Duration::ZERO).is_some() {}
            let heard = consumer.context().hold().clone();
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if !passes(&error) => return Err(Error::refused("look at", topic, &error)),
                Err(_) if heard.refused.is_some() && started.elapsed() >= BELIEF => return Err(self.door(heard)),
                Err(_) if started.elapsed() >= WAIT => return Err(self.door(heard)),
                Err(_) => {}
            }
        }
    }

    fn door(&self, heard: Heard) -> Error {
        let (problem, fix) = match heard.refused {
            Some(RDKafkaErrorCode::SSL) => (
                "could not be spoken to over TLS",
                "see ssl_ca_location, and ssl_certificate_location and ssl_key_location where brokers ask for a \
                 certificate, in [kafka.properties]",
            ),
            Some(_) => (
                "do not accept who this is",
                "see sasl_mechanism, and sasl_username and sasl_password, or sasl_oauthbearer_…, in [kafka.properties]",
            ),
            None => (
                "do not answer, or hang up",
                "see kafka.brokers and, in [kafka.properties], security_protocol and what it asks for",
            ),
        };
        Error::Door { brokers: self.brokers.clone(), problem, reason: heard.reason, fix }
    }
}

/// What a client was told that concerns no topic.
#[derive(Default)]
struct Ear(Mutex<Heard>);

#[derive(Clone, Debug, Default)]
struct Heard {
    /// How we were refused, if we were.
    refused: Option<RDKafkaErrorCode>,
    /// The words of librdkafka, which hold no secret.
    reason: String,
}

impl Ear {
    fn hold(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Ear {
    fn error(&self, error: KafkaError, reason: &str) {
        let refused = error
            .rdkafka_error_code()
            .filter(|code| matches!(code, RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL));
        // That all are down says nothing that was not said better of each.
        let says_more = error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown);
        let mut heard = self.hold();
        if refused.is_some() || (heard.refused.is_none() && says_more) {
            *heard = Heard { refused: refused.or(heard.refused), reason: reason.to_owned() };
        }
    }
}

impl ConsumerContext for Ear {}
