//! The intake: takes addresses away from events, addresses each to the subject that owns it, journals them.
//!
//! A record is answered for only once it is durable in the journal.

use crate::codec;
use crate::limits::REJECT_BYTES;
use crate::log::{self, Log};
use crate::progress::Progress;
use crate::vault::{self, Fresh, Keeping, Vault};
use smarketing_kernel::entry::{Entry, Reject, Source};
use smarketing_kernel::event::{Address, Body, ErasureRequested, Event, LeadRef};
use smarketing_kernel::id::LeadId;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Timestamp;
use smarketing_schema::Rejected;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A decoded record on its way to the journal.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Position in its stream, starting with 1 and growing.
    pub position: u64,
    /// The event, or why there is none.
    pub outcome: Result<Event<Address>, Rejected>,
    /// The record's bytes (a reject keeps them, cut at a limit) and its whole length.
    pub bytes: Vec<u8>,
    /// Length of the record before anything was cut.
    pub length: u64,
}

/// Why records were not journalled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal refused.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// An entry did not encode.
    #[error(transparent)]
    Codec(#[from] codec::Error),
}

/// Records whose keys are on their way, but not they themselves.
#[must_use]
pub struct Addressed {
    keys: Keeping,
    /// Entries by partition.
    lanes: BTreeMap<u32, Vec<Vec<u8>>>,
    /// People to forget.
    erased: Vec<LeadId>,
}

impl Addressed {
    /// Whether people are to be forgotten: who comes after is to be addressed when this has landed, or would be sealed
    /// with a key that is about to be destroyed.
    #[must_use]
    pub fn erases(&self) -> bool {
        !self.erased.is_empty()
    }
}

/// Records on their way to the journal.
#[must_use]
pub struct Sent {
    receipt: log::Receipt,
    /// How many entries went to which partition.
    lanes: Vec<(u32, u64)>,
    erased: Vec<LeadId>,
}

/// The door of the journal.
pub struct Intake {
    log: Arc<dyn Log>,
    vault: Arc<Vault>,
    /// Form fields and attributes of leads that name nobody and so may stay in clear.
    clear_fields: BTreeSet<String>,
    /// Who is told when records are durable.
    progress: Option<Arc<Progress>>,
}

/// A name that no other stream has. Containers may start at the same moment with the same process id, so most of it is
/// chance; nothing is decided by it.
///
/// # Errors
/// No randomness.
pub fn stream_name(what: &str, now: Timestamp) -> Result<Text, vault::Error> {
    let chance = u64::from_le_bytes(vault::random()?);
    Ok(Text::from(format!("{what}-{}-{chance:016x}", now.0)))
}

/// Form fields and attributes of leads that stay in clear where nothing else is configured: what personas and segments of
/// accounts are made of, and what importers tell of companies.
pub const CLEAR_FIELDS: &[&str] = &[
    "title",
    "job_title",
    "role",
    "seniority",
    "department",
    "account_segment",
    "company_size",
    "employees",
    "industry",
    "sector",
    "country",
    "region",
    "language",
    "budget",
    "timeline",
    "product",
    "interest",
    "use_case",
    "topic",
    "how_did_you_hear_about_us",
    "how did you hear about us",
    "heard_from",
    "annual_revenue",
    "lead_type",
    "lead_behaviour_profile",
    "business_type",
    "has_company",
    "has_gtin",
    "average_stock",
    "declared_product_catalog_size",
    "declared_monthly_revenue",
];

/// Attributes by which the contract tells of a first contact: they name no person, whatever is configured.
const ORIGIN: [&str; 4] = ["origin_source", "origin_medium", "origin_campaign", "origin_content"];

impl Intake {
    /// An intake before `log`.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, vault: Arc<Vault>, clear_fields: impl IntoIterator<Item = String>) -> Self {
        let clear_fields = clear_fields.into_iter().map(|field| field.to_lowercase()).collect();
        Self { log, vault, clear_fields, progress: None }
    }

    /// The same intake, which tells `progress` when records are durable.
    #[must_use]
    pub fn telling(self, progress: Arc<Progress>) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Journals records of one stream, in order; durable when it returns.
    ///
    /// # Errors
    /// Nothing of the batch may be taken for journalled then; sending it again is safe.
    pub fn append(&self, stream: &Text, records: Vec<Incoming>, now: Timestamp) -> Result<(), Error> {
        self.append_all(records.into_iter().map(|record| (stream.clone(), record)), now)
    }

    /// Journals records of several streams, in order; durable when it returns.
    ///
    /// # Errors
    /// As [`Intake::append`].
    pub fn append_all(&self, records: impl IntoIterator<Item = (Text, Incoming)>, now: Timestamp) -> Result<(), Error> {
        self.land(self.send(self.address(records, now)?)?)
    }

    /// Addresses records of several streams to the subjects that own them. What is addressed is to be sent and landed
    /// in the same order; several may be on their way at once.
    ///
    /// # Errors
    /// As [`Intake::append`].
    pub fn address(
        &self,
        records: impl IntoIterator<Item = (Text, Incoming)>,
        now: Timestamp,
    ) -> Result<Addressed, Error> {
        let mut fresh = Fresh::default();
        let mut erased = Vec::new();
        let mut lanes: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
        for (stream, record) in records {
            let source = Source { stream, position: record.position };
            let (partition, entry) = match record.outcome {
                Ok(event) => {
                    let event = self.name(event, &mut fresh)?;
                    erased.extend(erasure(&event));
                    let partition = smarketing_kernel::owner(&event).0.partition(self.log.partitions());
                    (partition, Entry::Event { source, event })
                }
                Err(rejected) => {
                    let reject = reject(rejected, record.bytes, record.length, now);
                    (self.lane_of(&source.stream), Entry::Reject { source, reject })
                }
            };
            lanes.entry(partition).or_default().push(codec::encode(&entry, Vec::with_capacity(192))?);
        }
        Ok(Addressed { keys: self.vault.keep(fresh)?, lanes, erased })
    }

    /// Sends what is addressed to the journal, as soon as the keys of the people in it are durable.
    ///
    /// # Errors
    /// As [`Intake::append`].
    pub fn send(&self, Addressed { keys, lanes, erased }: Addressed) -> Result<Sent, Error> {
        self.vault.kept(keys)?;
        let entries: Vec<(u32, Vec<&[u8]>)> = lanes
            .iter()
            .map(|(partition, entries)| (*partition, entries.iter().map(Vec::as_slice).collect()))
            .collect();
        let receipt = self.log.send(&entries)?;
        let lanes = entries.iter().map(|(partition, entries)| (*partition, entries.len() as u64)).collect();
        Ok(Sent { receipt, lanes, erased })
    }

    /// Waits until what was sent is durable.
    ///
    /// # Errors
    /// As [`Intake::append`].
    pub fn land(&self, Sent { receipt, lanes, erased }: Sent) -> Result<(), Error> {
        for ((partition, entries), first) in lanes.into_iter().zip(receipt.wait()?) {
            if let Some(progress) = &self.progress {
                progress.appended(partition, first + entries);
            }
        }
        // Only after the request itself is journalled: a request that is repeated finds nothing left to destroy.
        erased.into_iter().try_for_each(|lead| self.vault.forget(lead))?;
        Ok(())
    }

    /// Journals that rejects became events after all: they are dead letters no longer. `stream` names the retry.
    ///
    /// # Errors
    /// As [`Intake::append`].
    pub fn resolve(&self, stream: &Text, rejects: Vec<Source>) -> Result<(), Error> {
        let mut lanes: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
        for (position, reject) in (1..).zip(rejects) {
            let lane = self.lane_of(&reject.stream);
            let entry = Entry::Resolved { source: Source { stream: stream.clone(), position }, reject };
            lanes.entry(lane).or_default().push(codec::encode(&entry, Vec::new())?);
        }
        for (partition, entries) in lanes {
            let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            self.log.append(partition, &entries)?;
        }
        Ok(())
    }

    /// How many entries each partition of the journal has.
    ///
    /// # Errors
    /// A journal that does not answer.
    pub fn ends(&self) -> Result<Vec<u64>, log::Error> {
        (0..self.log.partitions()).map(|partition| self.log.end(partition)).collect()
    }

    /// The partition that keeps a stream's rejects.
    fn lane_of(&self, stream: &str) -> u32 {
        let id = smarketing_kernel::id::SubjectId::named(smarketing_kernel::id::Kind::Spend, "", stream);
        id.partition(self.log.partitions())
    }

    fn name(&self, mut event: Event<Address>, fresh: &mut Fresh) -> Result<Event<LeadRef>, vault::Error> {
        let mut private = self.take_private(&mut event.body);
        let workspace = event.workspace.clone();
        let body = event
            .body
            .try_name(|address| self.vault.name(&workspace, &address, std::mem::take(&mut private), fresh))?;
        Ok(Event { event_id: event.event_id, workspace: event.workspace, occurred_at: event.occurred_at, body })
    }

    /// Form answers and attributes that may name somebody leave the event for the envelope.
    fn take_private(&self, body: &mut Body<Address>) -> Vec<(String, String)> {
        let (told, always): (_, &[&str]) = match body {
            Body::FormSubmitted(form) => (&mut form.fields, &[]),
            Body::LeadUpdated(update) => (&mut update.attributes, &ORIGIN),
            _ => return Vec::new(),
        };
        let stays = |name: &str| always.contains(&name) || self.clear_fields.contains(&name.to_lowercase());
        let (clear, private): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(told).into_iter().partition(|(name, _)| stays(name));
        *told = clear;
        private.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }
}

/// The lead an event asks to forget.
fn erasure(event: &Event<LeadRef>) -> Option<LeadId> {
    match &event.body {
        Body::ErasureRequested(ErasureRequested::Lead(lead)) => Some(lead.id),
        _ => None,
    }
}

fn reject(rejected: Rejected, mut bytes: Vec<u8>, length: u64, now: Timestamp) -> Reject {
    bytes.truncate(REJECT_BYTES);
    Reject {
        reason: Text::from(rejected.reason.code()),
        detail: Text::from(rejected.detail),
        bytes,
        length,
        rejected_at: now,
    }
}
