//! Dead letters read again, each in the way its topic is written.

use super::decode::{Decoder, Format};
use super::feed::Source;
use super::registry::{Address, Registry};
use smarketing_kernel::event::{Address as Person, Event};
use smarketing_schema::{Context, Rejected};
use std::collections::HashMap;
use tokio::runtime::Handle;

/// Decodes dead letters of every stream: those of raw topics with the topics' formats and registries, all others as the
/// collector does.
pub struct Again {
    /// Format of each topic, by its name in streams, with the number of its cluster.
    topics: HashMap<String, (Format, usize)>,
    /// One a cluster.
    decoders: Vec<Decoder>,
    /// Of streams that are no topic's.
    other: Decoder,
}

/// A schema registry does not answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryAway;

/// What stands before a topic's name in the name of its streams; a partition's number stands behind it.
const STREAMS: &str = "kafka/";

/// The name of a raw partition as a stream of the journal. `prefix` is that of its cluster.
pub(super) fn stream(prefix: &str, topic: &str, partition: i32) -> String {
    format!("{STREAMS}{prefix}{topic}/{partition}")
}

impl Again {
    /// For topics of clusters: the prefix of each, its topics, and where its writer schemas are.
    pub fn new(clusters: impl IntoIterator<Item = (String, Vec<Source>, Option<Address>)>, runtime: &Handle) -> Self {
        let mut again = Self { topics: HashMap::new(), decoders: Vec::new(), other: Decoder::new(None) };
        for (prefix, sources, registry) in clusters {
            let named = |source: Source| (format!("{prefix}{}", source.topic), (source.format, again.decoders.len()));
            again.topics.extend(sources.into_iter().map(named));
            let registry = registry.map(|address| Registry::new(address, runtime.clone()));
            again.decoders.push(Decoder::new(registry));
        }
        again
    }

    /// The event that a dead letter of `stream` is now. Must be called where it may block.
    ///
    /// # Errors
    /// The outer one: nothing can be said of the letter now. The inner one: why it is no event still.
    pub fn decode(
        &mut self,
        stream: &str,
        bytes: &[u8],
        ctx: &Context,
    ) -> Result<Result<Event<Person>, Rejected>, RegistryAway> {
        let topic = stream.strip_prefix(STREAMS).and_then(|rest| rest.rsplit_once('/'));
        let topic = topic.and_then(|(topic, _)| self.topics.get(topic));
        let own = topic.and_then(|(format, number)| Some((format, self.decoders.get_mut(*number)?)));
        let (format, decoder) = own.unwrap_or((&Format::Auto, &mut self.other));
        let mut read = |in_envelope| decoder.decode(format, in_envelope, bytes, ctx).map_err(|_| RegistryAway);
        // The headers that name an envelope are not kept.
        let plain = read(false)?;
        let decoded = if plain.is_ok() { plain } else { read(true)?.or(plain) };
        Ok(decoded.map(|decoded| decoded.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarketing_kernel::time::Timestamp;

    fn again() -> Again {
        let source = |topic: &str, format| Source { topic: topic.to_owned(), format };
        let views = source("views", Format::Datum("page_viewed".to_owned()));
        let own = (String::new(), vec![source("deals", Format::Auto)], None);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Again::new([own, ("web/".to_owned(), vec![views], None)], runtime.handle())
    }

    #[test]
    fn a_letter_is_read_as_its_topic_is_written() {
        let view = br#"{"event":"page_viewed","event_id":"e","occurred_at":"2026-03-01T09:30:00Z","visitor_id":"v",
                        "url":"https://acme.test/"}"#;
        let envelope = [&br#"{"specversion":"1.0","data":"#[..], view, b"}"].concat();
        let ctx = Context::at(Timestamp(1_790_000_000_000));
        let mut again = again();
        let mut is_event = |stream: &str, bytes: &[u8]| again.decode(stream, bytes, &ctx).unwrap().is_ok();
        for known in ["collector/1", "kafka/deals/0", "kafka/gone/0", "kafka/deals/not a number"] {
            assert!(is_event(known, view) && is_event(known, &envelope), "{known}");
            assert!(!is_event(known, b"{broken") && !is_event(known, b"\0\0\0\0\x07datum"), "{known}");
        }
        assert!(!is_event(&stream("web/", "views", 3), view), "the topic has bare datums");
        assert!(is_event(&stream("", "views", 3), view), "another cluster's topic");
    }

    #[test]
    fn without_an_answer_of_the_registry_nothing_is_said_of_a_letter() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // Nobody listens on the port of discarding.
        let registry = Address { url: "http://127.0.0.1:9".to_owned(), ..Address::default() };
        let deals = Source { topic: "deals".to_owned(), format: Format::Auto };
        let mut again = Again::new([(String::new(), vec![deals], Some(registry))], runtime.handle());
        let ctx = Context::at(Timestamp(1_790_000_000_000));
        assert_eq!(again.decode("kafka/deals/0", b"\0\0\0\0\x07datum", &ctx), Err(RegistryAway));
        assert!(again.decode("kafka/deals/0", b"{broken", &ctx).unwrap().is_err());
    }
}
