//! Topics of our own: created when they are missing, checked when they are there.

use super::{ANSWER, Cluster, Error, Plain};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::Duration;

/// How often a topic's messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// Replicas of a new topic.
    pub replication: u16,
    /// Replicas that must have a message before it counts.
    pub in_sync_min: u16,
}

/// What a topic must be.
#[derive(Clone, Debug)]
pub struct Topic<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its partitions.
    pub partitions: u32,
    /// How often its messages are kept.
    pub copies: Copies,
    /// `delete` or `compact`.
    pub cleanup: &'static str,
    /// Whether messages may go after some time.
    pub forgets: bool,
}

/// The largest message of our topics, in bytes.
const MESSAGE_BYTES_MAX: u64 = 10 << 20;

/// How often brokers are asked for what they may only just be learning, and the pause between.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// Creates the topic if it is missing, and looks whether it is what it must be; says how many partitions it has.
///
/// # Errors
/// What is wrong with it and what to do; brokers that do not answer.
pub async fn ensure(cluster: &Cluster, topic: &Topic<'_>) -> Result<u32, Error> {
    let admin: AdminClient<Plain> =
        cluster.config(&[]).create_with_context(Plain).map_err(|error| Error::settings(&error))?;
    let mut found = partitions(&admin, topic.name)?;
    if found.is_none() {
        create(&admin, topic).await?;
        for _ in 0..LOOKS {
            found = partitions(&admin, topic.name)?;
            if found == Some(topic.partitions) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    let Some(found) = found else {
        let fix = "look at the brokers' logs".to_owned();
        return Err(Error::Topic { topic: topic.name.to_owned(), problem: "was created but is not there".into(), fix });
    };
    check(&admin, topic).await?;
    Ok(found)
}

/// How many partitions the topic has; `None` if there is no such topic.
fn partitions(admin: &AdminClient<Plain>, name: &str) -> Result<Option<u32>, Error> {
    let refused = |error: &KafkaError| Error::refused("look at", name, error);
    let metadata = admin.inner().fetch_metadata(Some(name), ANSWER).map_err(|error| refused(&error))?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { return Ok(None) };
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(u32::try_from(topic.partitions().len()).ok().filter(|count| *count > 0)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(code) => Err(refused(&KafkaError::MetadataFetch(code))),
    }
}

async fn create(admin: &AdminClient<Plain>, topic: &Topic<'_>) -> Result<(), Error> {
    let refused = |error: &KafkaError| Error::refused("create", topic.name, error);
    let in_sync_min = topic.copies.in_sync_min.to_string();
    let message_bytes_max = MESSAGE_BYTES_MAX.to_string();
    let count = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
    let mut new = NewTopic::new(topic.name, count, TopicReplication::Fixed(i32::from(topic.copies.replication)))
        .set("cleanup.policy", topic.cleanup)
        .set("min.insync.replicas", &in_sync_min)
        .set("max.message.bytes", &message_bytes_max)
        .set("unclean.leader.election.enable", "false");
    if topic.cleanup == "compact" {
        // A process that was away for long must still learn what was destroyed meanwhile.
        new = new.set("delete.retention.ms", "315360000000");
    } else if !topic.forgets {
        new = new.set("retention.ms", "-1").set("retention.bytes", "-1");
    }
    let options = AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
    let created = admin.create_topics([&new], &options).await.map_err(|error| refused(&error))?;
    for result in created {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(refused(&KafkaError::AdminOp(code))),
        }
    }
    Ok(())
}

/// The topic's settings. A broker that has not heard of a new topic yet, or may not speak of it, says nothing of any:
/// the client hands on what it says, but not why it says no more.
async fn settings(admin: &AdminClient<Plain>, name: &str) -> Result<ConfigResource, Error> {
    let refused = |error: &KafkaError| Error::refused("look at the settings of", name, error);
    let options = AdminOptions::new().request_timeout(Some(ANSWER));
    for _ in 0..LOOKS {
        let asked = [ResourceSpecifier::Topic(name)];
        let answers = admin.describe_configs(asked.iter(), &options).await.map_err(|error| refused(&error))?;
        for answer in answers {
            let settings = answer.map_err(|code| refused(&KafkaError::AdminOp(code)))?;
            if !settings.entries.is_empty() {
                return Ok(settings);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    let problem = "does not show its settings".to_owned();
    let fix = "allow this user to describe its configuration".to_owned();
    Err(Error::Topic { topic: name.to_owned(), problem, fix })
}

/// Compares the topic's settings with what it must have.
async fn check(admin: &AdminClient<Plain>, topic: &Topic<'_>) -> Result<(), Error> {
    let settings = settings(admin, topic.name).await?;
    let value = |name: &str| settings.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let number = |name: &str| value(name).parse::<i64>().unwrap_or(0);
    let must = |right: bool, name: &str, wanted: &str, why: &str| {
        let problem = format!("has {name}={}, {why}", value(name));
        let fix = format!(
            "set it: kafka-configs.sh --bootstrap-server … --alter --entity-type topics --entity-name {} \
             --add-config {name}={wanted}",
            topic.name
        );
        if right { Ok(()) } else { Err(Error::Topic { topic: topic.name.to_owned(), problem, fix }) }
    };
    must(value("cleanup.policy") == topic.cleanup, "cleanup.policy", topic.cleanup, "which loses what is needed")?;
    if topic.cleanup == "delete" && !topic.forgets {
        let why = "so that what a rebuild needs is deleted after a while";
        must(number("retention.ms") < 0, "retention.ms", "-1", why)?;
        must(number("retention.bytes") < 0, "retention.bytes", "-1", why)?;
    }
    let in_sync_min = i64::from(topic.copies.in_sync_min);
    let why = "so that a message counts before enough replicas have it";
    must(number("min.insync.replicas") >= in_sync_min, "min.insync.replicas", &in_sync_min.to_string(), why)?;
    let bytes = i64::try_from(MESSAGE_BYTES_MAX).unwrap_or(i64::MAX);
    let why = "and may refuse what the journal takes";
    must(number("max.message.bytes") >= bytes, "max.message.bytes", &bytes.to_string(), why)?;
    Ok(())
}
