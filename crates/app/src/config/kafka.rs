//! `[kafka]`: what `smarketing run` is told.

use serde::{Deserialize, Serialize};
use smarketing_engine::kafka::{Address, Cluster, Copies, Format, feed};
use smarketing_engine::shelter::Folder;
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
    /// A directory or an object store (`s3://bucket/prefix`) that all processes share, for snapshots; empty for none.
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
    /// Other clusters with raw topics, by a name that stays.
    pub(crate) sources: BTreeMap<String, Source>,
}

/// Raw topics of another cluster, or with other rights; the keys are those of `[kafka]`, and nothing is taken over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) brokers: String,
    pub(crate) schema_registry: String,
    pub(crate) schema_registry_authorization: String,
    pub(crate) topics: BTreeMap<String, String>,
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
            sources: BTreeMap::new(),
        }
    }
}

impl Source {
    /// The way to its brokers.
    pub(crate) fn cluster(&self) -> Cluster {
        let named = |(name, value): (&String, &String)| (name.replace('_', "."), value.clone());
        let properties = self.properties.iter().map(named).collect();
        Cluster { brokers: self.brokers.clone(), properties, ..Cluster::default() }
    }

    pub(crate) fn registry(&self) -> Option<Address> {
        let authorization = self.schema_registry_authorization.clone();
        let address = Address { url: self.schema_registry.clone(), authorization };
        (!address.url.is_empty()).then_some(address)
    }

    /// Its topics with their formats.
    pub(crate) fn topics(&self) -> Vec<feed::Source> {
        let source = |(topic, format): (&String, &String)| {
            Format::parse(format).map(|format| feed::Source { topic: topic.clone(), format })
        };
        self.topics.iter().filter_map(source).collect()
    }

    fn validate(&self, at: &str, ours: &[&String], problem: &mut dyn FnMut(&str, &str)) {
        for (topic, format) in &self.topics {
            if !is_name(topic) || ours.contains(&topic) {
                problem(&format!("{at}.topics.{topic}"), "a topic's name, and none of our own");
            }
            if Format::parse(format).is_none() {
                problem(&format!("{at}.topics.{topic}"), "\"auto\", or \"avro:\" and an event such as page_viewed");
            }
        }
        if let Err(error) = self.cluster().check() {
            problem(&format!("{at}.properties"), &error.to_string());
        }
    }
}

/// What Kafka takes for the name of a topic or a group.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=249).contains(&name.len()) && name.chars().all(plain)
}

impl Kafka {
    /// The way to the brokers.
    pub(crate) fn cluster(&self) -> Cluster {
        self.own().cluster()
    }

    /// The raw topics beside our own.
    fn own(&self) -> Source {
        Source {
            brokers: self.brokers.clone(),
            schema_registry: self.schema_registry.clone(),
            schema_registry_authorization: self.schema_registry_authorization.clone(),
            topics: self.topics.clone(),
            properties: self.properties.clone(),
        }
    }

    /// Every schema registry that is configured, with the key that names it.
    pub(crate) fn registries(&self) -> impl Iterator<Item = (String, Address)> {
        let others = self.sources.iter().map(|(name, source)| (format!("kafka.sources.{name}"), source.registry()));
        let all = std::iter::once(("kafka".to_owned(), self.own().registry())).chain(others);
        all.filter_map(|(at, address)| Some((format!("{at}.schema_registry"), address?)))
    }

    /// Everything that raw topics are read from, with the name it has among the others: none for the own cluster.
    pub(crate) fn all_sources(&self) -> impl Iterator<Item = (&str, Source)> {
        let others = self.sources.iter().map(|(name, source)| (name.as_str(), source.clone()));
        std::iter::once(("", self.own())).chain(others).filter(|(_, source)| !source.topics.is_empty())
    }

    pub(crate) fn copies(&self) -> Copies {
        Copies { replication: self.replication, in_sync_min: self.min_insync_replicas }
    }

    /// Tells what is wrong.
    pub(super) fn validate(&self, problem: &mut dyn FnMut(&str, &str)) {
        for (key, name) in [("group", &self.group), ("journal", &self.journal), ("vault", &self.vault)] {
            if !is_name(name) {
                problem(&format!("kafka.{key}"), "1 to 249 letters, digits, ., _ and -");
            }
        }
        self.own().validate("kafka", &[&self.journal, &self.vault, &self.dead_letters], problem);
        for (name, source) in &self.sources {
            let at = format!("kafka.sources.{name}");
            if !is_name(name) {
                problem(&at, "a name of letters, digits, ., _ and -");
            }
            if source.brokers.is_empty() || source.topics.is_empty() {
                problem(&at, "name its brokers and its topics");
            }
            source.validate(&at, &[], problem);
        }
        if !(1_000..=1_800_000).contains(&self.session_timeout_ms) {
            problem("kafka.session_timeout_ms", "must be between 1000 and 1800000");
        }
        if self.replication == 0 || self.min_insync_replicas == 0 || self.min_insync_replicas > self.replication {
            problem("kafka.min_insync_replicas", "at least 1, and at most kafka.replication");
        }
        if Folder::is_meant(&self.snapshots)
            && let Err(error) = Folder::parse(&self.snapshots)
        {
            problem("kafka.snapshots", &error.to_string());
        }
        if self.generation == 0 {
            problem("kafka.generation", "counts from 1");
        }
        if self.merge_wait_ms > 60_000 {
            problem("kafka.merge_wait_ms", "must be at most 60000");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let kafka: Kafka = toml::from_str(text).unwrap();
        let mut found = Vec::new();
        kafka.validate(&mut |path, _| found.push(path.to_owned()));
        found
    }

    #[test]
    fn topics_of_other_clusters_stand_beside_the_own_ones() {
        let text = "brokers = \"own:9092\"\n[topics]\ndeals = \"auto\"\n[sources.web]\nbrokers = \"web:9093\"\n\
                    [sources.web.topics]\ndeals = \"auto\"\nviews = \"avro:page_viewed\"\n\
                    [sources.web.properties]\nsecurity_protocol = \"SSL\"";
        assert_eq!(problems(text), [""; 0]);
        let kafka: Kafka = toml::from_str(text).unwrap();
        let all: Vec<_> = kafka.all_sources().collect();
        let said = |(name, source): &(&str, Source)| {
            (name.to_string(), source.brokers.clone(), source.topics().len(), source.cluster().properties.len())
        };
        let expected = [("", "own:9092", 1, 0), ("web", "web:9093", 2, 1)];
        let expected = expected.map(|(name, brokers, topics, set)| (name.to_owned(), brokers.to_owned(), topics, set));
        assert_eq!(all.iter().map(said).collect::<Vec<_>>(), expected);
        // Whoever reads elsewhere only needs no topics in the own cluster.
        let elsewhere: Kafka =
            toml::from_str(&text.replace("deals = \"auto\"\n[sources.web]", "[sources.web]")).unwrap();
        assert_eq!(elsewhere.all_sources().map(|(name, _)| name).collect::<Vec<_>>(), ["web"]);
    }

    #[test]
    fn snapshots_lie_in_a_directory_or_a_bucket_with_a_plain_prefix() {
        for good in ["", "/snap shots", "s3://bucket", "s3://bucket/a/b"] {
            assert_eq!(problems(&format!("snapshots = \"{good}\"")), [""; 0], "{good}");
        }
        for wrong in ["gs://bucket", "s3://bucket/a b", " s3://bucket", "s3:///prefix"] {
            assert_eq!(problems(&format!("snapshots = \"{wrong}\"")), ["kafka.snapshots"], "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_another_cluster_is_told_by_its_path() {
        let text = "[sources.\"a/b\"]\nbrokers = \"x:1\"\n[sources.\"a/b\".topics]\n\"a b\" = \"auto\"\nviews = \"xml\"\n\
                    [sources.b]\nproperties = { nonsense = \"1\" }";
        let expected = [
            "kafka.sources.a/b",
            "kafka.sources.a/b.topics.a b",
            "kafka.sources.a/b.topics.views",
            "kafka.sources.b",
            "kafka.sources.b.properties",
        ];
        assert_eq!(problems(text), expected);
    }
}
