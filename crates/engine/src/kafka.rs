//! Kafka, as everything here uses it: one way to connect, topics that are what they must be.
//!
//! Start at [`Cluster`]. The journal on a topic is [`crate::log::Kafka`]; [`keys`] shares the keys of persons,
//! [`group`] divides the journal's partitions among processes, [`feed`] reads the topics of others, [`Again`] their dead
//! letters.

mod again;
mod decode;
mod door;
pub mod feed;
mod ferry;
pub mod group;
mod grumble;
mod hand;
pub mod keys;
mod merge;
mod registry;
pub(crate) mod sender;
mod topic;

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaType;
use std::collections::BTreeMap;
use std::time::Duration;

pub use again::{Again, RegistryAway};
pub use decode::Format;
pub use door::Patience;
pub(crate) use grumble::Grumble;
pub use registry::Address;
pub(crate) use sender::{Letter, Sender};
pub use smarketing_store::Remedy;
pub use topic::{Copies, Topic, ensure};

/// A group that is never joined: librdkafka wants one to read.
pub(crate) const READERS: &str = "smarketing-readers";

/// Longest wait for an answer that somebody waits for.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// Where the brokers are, and how to get in.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// `host:port`, several split by commas.
    pub brokers: String,
    /// Settings of librdkafka, such as `security.protocol`; they stand above ours, except where correctness hangs on
    /// ours.
    pub properties: BTreeMap<String, String>,
    /// How long its clients wait for it, once the process is to end.
    pub patience: Patience,
}

/// Why Kafka did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client was refused, or nobody answered.
    #[error("could not {action} the topic \"{topic}\": {reason}")]
    Refused {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The topic it was tried on.
        topic: String,
        /// What the client says.
        reason: String,
        /// Whether trying again may help.
        passing: bool,
    },
    /// The configuration of a client makes no sense to librdkafka.
    #[error("the settings of the Kafka client are wrong: {0}; see [kafka.properties]")]
    Settings(String),
    /// A topic is not what it must be.
    #[error("the topic \"{topic}\" {problem}; {fix}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        fix: String,
    },
    /// The producer lost its place: what it sent last may be there or not. A restart finds out.
    #[error("the producer of the topic \"{topic}\" has to start again: {reason}")]
    Producer {
        /// The topic.
        topic: String,
        /// What the client says.
        reason: String,
    },
    /// The brokers do not let us in.
    #[error("the brokers at \"{brokers}\" {problem}: {reason}; {fix}")]
    Door {
        /// Where they are.
        brokers: String,
        /// What is wrong with them, or with us.
        problem: &'static str,
        /// What the client says.
        reason: String,
        /// What to do.
        fix: &'static str,
    },
    /// A schema registry does not answer, or does not let us in.
    #[error(
        "the schema registry at \"{url}\" does not say what it knows: {reason}; look at the URL, and at \
         schema_registry_authorization beside it"
    )]
    Registry {
        /// Where it is.
        url: String,
        /// What it says, or who talks to it.
        reason: String,
    },
    /// The process ends, and the brokers are still away.
    #[error("stopped before the brokers of the topic \"{topic}\" answered; what they did not have is sent again")]
    Stopped {
        /// The topic.
        topic: String,
    },
}

impl Error {
    /// What is wrong with settings, without their values: those may be secrets.
    pub(crate) fn settings(error: &KafkaError) -> Self {
        Self::Settings(match error {
            KafkaError::ClientConfig(_, problem, name, _secret) => format!("{name}: {problem}"),
            error => error.to_string(),
        })
    }

    pub(crate) fn refused(action: &'static str, topic: &str, error: &KafkaError) -> Self {
        Self::Refused { action, topic: topic.to_owned(), reason: error.to_string(), passing: passes(error) }
    }

    /// Retry what may pass; all else stops whoever asked.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Refused { passing: true, .. } => Remedy::Retry,
            _ => Remedy::Halt,
        }
    }
}

/// Whether an error is a matter of waiting: brokers that are away, leaders that move.
pub(crate) fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let Some(code) = error.rdkafka_error_code() else { return false };
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            // A broker's address changed, or it left: the question is asked of another.
            | Code::DestroyBroker
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::TimedOutQueue
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::ReplicaNotAvailable
            | Code::BrokerNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::KafkaStorageError
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::WaitingForCoordinator
            | Code::PreferredLeaderNotAvailable
            // Told at the start by `Cluster::knock`; later, brokers or whoever issues tokens may come right again.
            | Code::Authentication
            | Code::SSL
            | Code::PollExceeded
    )
}

/// What a client of librdkafka says of itself: as it says it, but for what nobody need do anything about.
fn said(level: RDKafkaLogLevel, facility: &str, message: &str) {
    let expected = match facility {
        // Asked for on purpose, see `Cluster::producer`; and what is set for all clients is not for each of them.
        "CONFWARN" => message.contains("enable.gapless.guarantee") || message.contains("will be ignored by this"),
        // Offsets were told while the group was dividing its partitions anew; they are told again.
        "COMMITFAIL" => message.contains("group generation id is not valid"),
        _ => false,
    };
    DefaultClientContext.log(if expected { RDKafkaLogLevel::Debug } else { level }, facility, message);
}

/// A client that needs nothing but to be heard.
struct Plain;

impl ClientContext for Plain {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said(level, facility, message);
    }
}

impl Cluster {
    /// A client's configuration: the operator's settings, and above them what correctness hangs on.
    fn config(&self, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "smarketing").set("topic.metadata.refresh.interval.ms", "30000");
        config.set("reconnect.backoff.max.ms", "2000");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.brokers).set("allow.auto.create.topics", "false");
        for (name, value) in ours {
            config.set(*name, *value);
        }
        config
    }

    /// A consumer's configuration: no position is ever guessed or moved behind our back.
    pub(crate) fn consumer(&self, group: &str, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = self.config(&[
            ("group.id", group),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("check.crcs", "true"),
            ("enable.partition.eof", "true"),
        ]);
        for (name, value) in ours {
            config.set(*name, *value);
        }
        config
    }

    /// A producer's configuration: in order, once, for as long as it takes.
    pub(crate) fn producer(&self) -> ClientConfig {
        self.config(&[
            ("enable.idempotence", "true"),
            // After a message that brokers refuse for good, idempotence alone lets later ones through: sent again, it
            // would stand behind them, where its stream is further already, and be taken for a duplicate.
            ("enable.gapless.guarantee", "true"),
            ("acks", "all"),
            ("message.timeout.ms", "0"),
            ("message.max.bytes", "10485760"),
            ("compression.type", "lz4"),
            ("linger.ms", "5"),
            ("queue.buffering.max.kbytes", "131072"),
        ])
    }

    /// Looks whether librdkafka understands the operator's settings, without connecting.
    ///
    /// # Errors
    /// The first setting it does not.
    pub fn check(&self) -> Result<(), Error> {
        let native = self.consumer("check", &[]).create_native_config();
        let client = native.and_then(|native| {
            rdkafka::client::Client::new(&self.consumer("check", &[]), native, RDKafkaType::RD_KAFKA_CONSUMER, Plain)
        });
        client.map(drop).map_err(|error| Error::settings(&error))
    }
}
