//! `[kafka]`: what `smarketing run` is told.

use serde::{Deserialize, Serialize};
use smarketing_engine::kafka::{Address, Cluster, Copies, Format};
use std::collections::BTreeMap;

/// Journal, keys and raw topics in Kafka.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Kafka {
    /// `host:port`, several split by commas; `smarketing run` needs them.
    pub(crate) brokers: String,
    /// What the names of the consumer groups begin with.
    pub(crate) group: String,
    /// A name of this process that stays through a restart; empty for none.
    pub(crate) instance: String,
    /// Milliseconds after which a silent process loses its partitions.
    pub(crate) session_timeout_ms: u64,
    /// The topic of the journal.
    pub(crate) journal: String,
    /// The topic of the persons' keys.
    pub(crate) vault: String,
    /// The topic of rejected messages; empty for none.
    pub(crate) dead_letters: String,
    /// Replicas of topics that are created.
    pub(crate) replication: u16,
    /// Replicas that must have a message before it counts.
    pub(crate) min_insync_replicas: u16,
    /// Generation of tables and stores.
    pub(crate) generation: u32,
    /// A directory that all processes share, for snapshots of partitions; empty for none.
    pub(crate) snapshots: String,
    /// Longest wait, in milliseconds, for a topic that is behind the others in time.
    pub(crate) merge_wait_ms: u64,
    /// URL of a Confluent schema registry; empty for none.
    pub(crate) schema_registry: String,
    /// Its `Authorization` header, such as `Basic …`; empty for none.
    pub(crate) schema_registry_authorization: String,
    /// Raw topics and how their messages are written: `auto` or `avro:<event>`.
    pub(crate) topics: BTreeMap<String, String>,
    /// Settings of librdkafka; `_` stands for `.`.
    pub(crate) properties: BTreeMap<String, String>,
}

/// The raw topics where nothing else is configured.
const TOPICS: [&str; 7] = ["page-views", "form-fills", "emails", "deals", "sales", "spend", "control"];

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: String::new(),
            group: "smarketing".into(),
            instance: String::new(),
            session_timeout_ms: 45_000,
            journal: "smarketing-journal".into(),
            vault: "smarketing-vault".into(),
            dead_letters: "smarketing-dead-letters".into(),
            replication: 3,
            min_insync_replicas: 2,
            generation: 1,
            snapshots: String::new(),
            merge_wait_ms: 1_000,
            schema_registry: String::new(),
            schema_registry_authorization: String::new(),
            topics: TOPICS.map(|topic| (topic.to_owned(), "auto".to_owned())).into(),
            properties: BTreeMap::new(),
        }
    }
}

impl Kafka {
    /// The way to the brokers.
    pub(crate) fn cluster(&self) -> Cluster {
        let named = |(name, value): (&String, &String)| (name.replace('_', "."), value.clone());
        let properties = self.properties.iter().map(named).collect();
        Cluster { brokers: self.brokers.clone(), properties, ..Cluster::default() }
    }

    pub(crate) fn copies(&self) -> Copies {
        Copies { replication: self.replication, in_sync_min: self.min_insync_replicas }
    }

    pub(crate) fn registry(&self) -> Option<Address> {
        let authorization = self.schema_registry_authorization.clone();
        let address = Address { url: self.schema_registry.clone(), authorization };
        (!address.url.is_empty()).then_some(address)
    }

    /// Tells what is wrong.
    pub(super) fn validate(&self, problem: &mut dyn FnMut(&str, &str)) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let named = |name: &str| (1..=249).contains(&name.len()) && name.chars().all(plain);
        let names = [("group", &self.group), ("journal", &self.journal), ("vault", &self.vault)];
        for (key, name) in names {
            if !named(name) {
                problem(&format!("kafka.{key}"), "1 to 249 letters, digits, ., _ and -");
            }
        }
        for (topic, format) in &self.topics {
            if !named(topic) || [&self.journal, &self.vault, &self.dead_letters].contains(&topic) {
                problem(&format!("kafka.topics.{topic}"), "a topic's name, and none of our own");
            }
            if Format::parse(format).is_none() {
                problem(&format!("kafka.topics.{topic}"), "\"auto\", or \"avro:\" and an event such as page_viewed");
            }
        }
        if !(1_000..=1_800_000).contains(&self.session_timeout_ms) {
            problem("kafka.session_timeout_ms", "must be between 1000 and 1800000");
        }
        if self.replication == 0 || self.min_insync_replicas == 0 || self.min_insync_replicas > self.replication {
            problem("kafka.min_insync_replicas", "at least 1, and at most kafka.replication");
        }
        if self.generation == 0 {
            problem("kafka.generation", "counts from 1");
        }
        if self.merge_wait_ms > 60_000 {
            problem("kafka.merge_wait_ms", "must be at most 60000");
        }
        if let Err(error) = self.cluster().check() {
            problem("kafka.properties", &error.to_string());
        }
    }
}
