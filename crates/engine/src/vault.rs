//! The vault: where addresses become keyed hashes, and where they are sealed with a key of their own.
//!
//! A lead's id is HMAC-SHA256(pepper, workspace, address), cut to 128 bits. The address itself travels only as an
//! envelope encrypted with the person's own key (XChaCha20-Poly1305, the lead id as associated data). Destroying the
//! key makes every copy of the envelope unreadable, in the journal and in snapshots as well. Keys live apart from all
//! state and are never in a snapshot.
//!
//! What is the same is sealed the same: the nonce is a keyed hash of what it is for (a synthetic nonce, as in RFC 5297).
//! So a person's envelopes are kept once however many events name it, and a producer that repeats itself repeats
//! itself to the byte. All it tells who has no key is that two events of a lead said the same of it.

use crate::limits::KEYS_CACHED;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use smarketing_kernel::event::{Address, LeadRef};
use smarketing_kernel::id::LeadId;
use smarketing_kernel::text::Text;
use smarketing_store::Cells;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const NONCE_BYTES: usize = 24;
/// What a person's envelopes are sealed with.
pub type PersonKey = [u8; 32];

/// Why the vault could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cells did not answer.
    #[error("the vault of person keys failed: {0}")]
    Cells(#[from] smarketing_store::Error),
    /// The system has no randomness.
    #[error("the system gave no random bytes for a person key: {0}")]
    Random(getrandom::Error),
    /// Keys that are shared with other processes did not get through.
    #[error("the keys of persons could not be shared: {0}")]
    Shared(#[from] crate::kafka::Error),
    /// A stored key has the wrong length.
    #[error("the vault holds {0} bytes for a person, which is no number of keys of 32")]
    Damaged(usize),
    /// Encryption failed.
    #[error("an envelope could not be sealed")]
    Seal,
}

/// What an envelope holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The normalised e-mail address.
    pub email: Option<String>,
    /// The CRM's id of the contact.
    pub contact_id: Option<String>,
    /// Form answers that may name somebody.
    pub fields: Vec<(String, String)>,
}

/// The secret that turns addresses into lead ids. Whoever has it can tell whether an address they know is a lead.
#[derive(Clone, Copy)]
pub struct Pepper(pub [u8; 32]);

impl Pepper {
    /// A new one.
    ///
    /// # Errors
    /// No randomness.
    pub fn draw() -> Result<Self, Error> {
        Ok(Self(random::<32>()?))
    }

    /// The lead of an e-mail address (normalised) in a workspace.
    #[must_use]
    pub fn lead_of_email(&self, workspace: &str, email: &str) -> LeadId {
        self.hash(workspace, b"email", email)
    }

    /// The lead of a CRM contact id in a workspace.
    #[must_use]
    pub fn lead_of_contact(&self, workspace: &str, contact_id: &str) -> LeadId {
        self.hash(workspace, b"contact", contact_id)
    }

    /// What tells two peppers apart and gives neither away, as text.
    #[must_use]
    pub fn digest(&self) -> String {
        let LeadId(bytes) = self.hash("", b"digest", "pepper");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn hash(&self, workspace: &str, kind: &[u8], name: &str) -> LeadId {
        let mut id = [0; 16];
        if let Ok(mut mac) = <Hmac<Sha256> as hmac::Mac>::new_from_slice(&self.0) {
            for part in [workspace.as_bytes(), kind, name.as_bytes()] {
                mac.update(part);
                mac.update(&[0xFF]);
            }
            id.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        LeadId(id)
    }
}

/// The keys of persons. Processes that share them may each have drawn one for the same person: then that person has
/// both, envelopes of either open, and both are destroyed together.
pub trait Keys: Send + Sync {
    /// The keys of a person; empty when there are none, or none any more.
    ///
    /// # Errors
    /// Cells that do not answer.
    fn of(&self, id: LeadId) -> Result<Arc<[PersonKey]>, Error>;

    /// Begins to keep keys; durable when the promise is.
    ///
    /// # Errors
    /// Cells that do not answer; other processes that cannot be told.
    fn keep(&self, fresh: Vec<(LeadId, PersonKey)>) -> Result<Promise, Error>;

    /// Destroys a person's keys; durable when it returns.
    ///
    /// # Errors
    /// As [`Keys::keep`].
    fn destroy(&self, id: LeadId) -> Result<(), Error>;

    /// Learns of a person what other processes kept until now; says whether there is something to learn from.
    ///
    /// # Errors
    /// Other processes' keys that cannot be had.
    fn catch_up(&self, _id: LeadId) -> Result<bool, Error> {
        Ok(false)
    }
}

/// Keys on their way: waits until they are durable.
pub type Promise = Box<dyn FnOnce() -> Result<(), Error> + Send>;

/// Keys in cells, remembered in memory.
pub struct Ring {
    cells: Box<dyn Cells>,
    cache: Mutex<HashMap<LeadId, Arc<[PersonKey]>>>,
}

impl Ring {
    /// The keys that `cells` hold.
    #[must_use]
    pub fn new(cells: Box<dyn Cells>) -> Self {
        Self { cells, cache: Mutex::new(HashMap::new()) }
    }

    /// Whether anything was ever kept of a person, destroyed or not.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn has_heard_of(&self, id: LeadId) -> Result<bool, Error> {
        Ok(self.cells.get(&id.0)?.is_some())
    }

    /// Takes one key away. A person without keys is remembered as one.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn remove(&self, id: LeadId, gone: impl Fn(&PersonKey) -> bool) -> Result<(), Error> {
        let mut cache = self.cache();
        let keys: Vec<PersonKey> = stored(&*self.cells, id)?.into_iter().filter(|key| !gone(key)).collect();
        self.cells.put(&id.0, &keys.concat())?;
        cache.insert(id, keys.into());
        Ok(())
    }

    /// Adds keys; durable when it returns.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn add(&self, fresh: &[(LeadId, PersonKey)]) -> Result<(), Error> {
        let mut cache = self.cache();
        let mut changed: HashMap<LeadId, Vec<PersonKey>> = HashMap::new();
        for (id, key) in fresh {
            let mut keys = changed.get(id).cloned().map_or_else(|| stored(&*self.cells, *id), Ok)?;
            // What is known is mostly the echo of what this process told the others.
            if !keys.contains(key) {
                keys.push(*key);
                let _before = changed.insert(*id, keys);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let mut entries: Vec<_> = changed.iter().map(|(id, keys)| (id.0.to_vec(), keys.concat())).collect();
        entries.sort_unstable();
        self.cells.put_many(&entries)?;
        cache.extend(changed.into_iter().map(|(id, keys)| (id, keys.into())));
        Ok(())
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<LeadId, Arc<[PersonKey]>>> {
        let mut keys = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() > KEYS_CACHED {
            keys.clear();
        }
        keys
    }
}

impl Keys for Ring {
    fn of(&self, id: LeadId) -> Result<Arc<[PersonKey]>, Error> {
        if let Some(keys) = self.cache().get(&id) {
            return Ok(Arc::clone(keys));
        }
        let mut cache = self.cache();
        let keys: Arc<[PersonKey]> = stored(&*self.cells, id)?.into();
        // Of unknown people there is no end.
        if !keys.is_empty() {
            cache.insert(id, Arc::clone(&keys));
        }
        Ok(keys)
    }

    fn keep(&self, fresh: Vec<(LeadId, PersonKey)>) -> Result<Promise, Error> {
        self.add(&fresh)?;
        Ok(Box::new(|| Ok(())))
    }

    fn destroy(&self, id: LeadId) -> Result<(), Error> {
        let mut cache = self.cache();
        self.cells.delete(&id.0)?;
        cache.remove(&id);
        Ok(())
    }
}

/// The keys that cells hold of a person.
fn stored(cells: &dyn Cells, id: LeadId) -> Result<Vec<PersonKey>, Error> {
    let bytes = cells.get(&id.0)?.unwrap_or_default();
    let (keys, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(keys.to_vec()) } else { Err(Error::Damaged(bytes.len())) }
}

/// Pepper and person keys of one installation.
pub struct Vault {
    keys: Box<dyn Keys>,
    pepper: Pepper,
    /// Keys that are not durable yet. Whoever needs one of them meanwhile makes it durable as well.
    drawn: Mutex<HashMap<LeadId, PersonKey>>,
    /// Envelopes that stayed shut because keys were out of reach.
    doubts: AtomicU64,
}

impl Vault {
    /// A vault over the keys of persons.
    #[must_use]
    pub fn new(keys: Box<dyn Keys>, pepper: Pepper) -> Self {
        Self { keys, pepper, drawn: Mutex::default(), doubts: AtomicU64::new(0) }
    }

    /// Takes the address away: a reference that names nobody. Keys of people who are new are in `fresh` and must be
    /// durable, see [`Vault::keep`] and [`Vault::kept`], before the reference is journalled.
    ///
    /// # Errors
    /// Cells that do not answer; no randomness.
    pub fn name(
        &self,
        workspace: &str,
        address: &Address,
        fields: Vec<(String, String)>,
        fresh: &mut Fresh,
    ) -> Result<LeadRef, Error> {
        let of_contact = |contact: &Text| self.pepper.lead_of_contact(workspace, contact);
        let contact = address.contact_id.as_ref().map(of_contact);
        let (id, alias) = match &address.email {
            Some(email) => (self.pepper.lead_of_email(workspace, email), contact),
            None => (contact.unwrap_or(LeadId([0; 16])), None),
        };
        let person = Person {
            email: address.email.as_deref().map(str::to_owned),
            contact_id: address.contact_id.as_deref().map(str::to_owned),
            fields,
        };
        let key = self.key(id, fresh)?;
        let domain = address.email.as_deref().and_then(smarketing_kernel::email::business_domain).map(Text::from);
        Ok(LeadRef { id, alias, domain, sealed: Some(seal(&key, id, &person)?) })
    }

    /// Begins to make the keys of new people durable.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn keep(&self, fresh: Fresh) -> Result<Keeping, Error> {
        // Held until ours are on their way: a key that became durable meanwhile may have been destroyed since, and must
        // not come back.
        let mut drawn = self.drawn();
        let wanted = |(id, key): &(LeadId, Drawn)| !key.borrowed || drawn.get(id) == Some(&key.key);
        let keys: Vec<_> = fresh.0.into_iter().filter(wanted).map(|(id, key)| (id, key.key)).collect();
        if keys.is_empty() {
            return Ok(Keeping { keys, durable: Box::new(|| Ok(())) });
        }
        for (id, key) in &keys {
            drawn.entry(*id).or_insert(*key);
        }
        Ok(Keeping { durable: self.keys.keep(keys.clone())?, keys })
    }

    /// Waits until keys are durable.
    ///
    /// # Errors
    /// As [`Vault::keep`].
    pub fn kept(&self, keeping: Keeping) -> Result<(), Error> {
        (keeping.durable)()?;
        let mut drawn = self.drawn();
        for (id, key) in &keeping.keys {
            if drawn.get(id) == Some(key) {
                drawn.remove(id);
            }
        }
        Ok(())
    }

    fn drawn(&self) -> MutexGuard<'_, HashMap<LeadId, PersonKey>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an envelope; `None` when the person's key was destroyed or the bytes are not an envelope of this lead, or,
    /// which counts as a doubt, when keys are out of reach.
    pub fn open_envelope(&self, id: LeadId, sealed: &[u8]) -> Option<Person> {
        self.try_open(id, sealed).unwrap_or_else(|error| {
            tracing::error!(%error, "an envelope stays shut: its row has to be written again");
            self.doubts.fetch_add(1, Ordering::SeqCst);
            None
        })
    }

    fn try_open(&self, id: LeadId, sealed: &[u8]) -> Result<Option<Person>, Error> {
        let open = || Ok::<_, Error>(self.keys.of(id)?.iter().find_map(|key| opened(key, id, sealed)));
        match open()? {
            None if self.keys.catch_up(id)? => open(),
            found => Ok(found),
        }
    }

    /// Destroys a person's keys: every envelope of theirs is unreadable from now on.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn forget(&self, id: LeadId) -> Result<(), Error> {
        self.keys.destroy(id)
    }

    fn key(&self, id: LeadId, fresh: &mut Fresh) -> Result<PersonKey, Error> {
        if let Some(drawn) = fresh.0.get(&id) {
            return Ok(drawn.key);
        }
        let drawn = self.drawn().get(&id).copied();
        if drawn.is_none()
            && let Some(key) = self.keys.of(id)?.first()
        {
            return Ok(*key);
        }
        let key = drawn.map_or_else(random::<32>, Ok)?;
        fresh.0.insert(id, Drawn { key, borrowed: drawn.is_some() });
        Ok(key)
    }
}

/// Keys of people who were named for the first time.
#[derive(Default)]
pub struct Fresh(HashMap<LeadId, Drawn>);

struct Drawn {
    key: PersonKey,
    /// Somebody else drew it, and it was not durable yet.
    borrowed: bool,
}

/// Keys of theirs on their way.
#[must_use]
pub struct Keeping {
    keys: Vec<(LeadId, PersonKey)>,
    durable: Promise,
}

fn seal(key: &PersonKey, id: LeadId, person: &Person) -> Result<Vec<u8>, Error> {
    let plain = postcard::to_allocvec(person).map_err(|_| Error::Seal)?;
    let nonce = nonce(key, id, &plain)?;
    let payload = Payload { msg: &plain, aad: &id.0 };
    let body = cipher(key).encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| Error::Seal)?;
    Ok([&nonce[..], &body].concat())
}

/// The nonce for a content: nobody can tell it without the key, and no two contents share one.
fn nonce(key: &PersonKey, id: LeadId, plain: &[u8]) -> Result<[u8; NONCE_BYTES], Error> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).map_err(|_| Error::Seal)?;
    for part in [b"nonce".as_slice(), &id.0, plain] {
        mac.update(part);
    }
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&mac.finalize().into_bytes()[..NONCE_BYTES]);
    Ok(nonce)
}

fn opened(key: &PersonKey, id: LeadId, sealed: &[u8]) -> Option<Person> {
    let (nonce, body) = sealed.split_at_checked(NONCE_BYTES)?;
    let payload = Payload { msg: body, aad: &id.0 };
    let plain = cipher(key).decrypt(XNonce::from_slice(nonce), payload).ok()?;
    postcard::from_bytes(&plain).ok()
}

fn cipher(key: &PersonKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(key))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

impl smarketing_warehouse::Opener for Vault {
    fn open(&self, lead: &str, sealed: &[u8]) -> Option<smarketing_warehouse::Opened> {
        let id = LeadId(from_hex(lead)?);
        let person = self.open_envelope(id, sealed)?;
        Some(smarketing_warehouse::Opened { email: person.email, contact_id: person.contact_id })
    }

    fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::SeqCst)
    }
}

/// 32 hexadecimal digits as 16 bytes.
#[must_use]
pub fn from_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smarketing_warehouse::Opener as _;

    /// Keys whose other holders do not answer.
    struct Away;

    impl Keys for Away {
        fn of(&self, _: LeadId) -> Result<Arc<[PersonKey]>, Error> {
            Ok(Arc::from([]))
        }

        fn keep(&self, _: Vec<(LeadId, PersonKey)>) -> Result<Promise, Error> {
            Ok(Box::new(|| Ok(())))
        }

        fn destroy(&self, _: LeadId) -> Result<(), Error> {
            Ok(())
        }

        fn catch_up(&self, _: LeadId) -> Result<bool, Error> {
            Err(crate::kafka::Error::Stopped { topic: "vault".to_owned() }.into())
        }
    }

    fn vault() -> Vault {
        use smarketing_store::Store as _;
        let cells = smarketing_store::Memory::default().cells("persons").unwrap();
        Vault::new(Box::new(Ring::new(cells)), Pepper([7; 32]))
    }

    fn named(vault: &Vault, fresh: &mut Fresh) -> LeadRef {
        let ada = Address { email: Some(Text::from("ada@acme.test")), contact_id: None };
        vault.name("acme", &ada, Vec::new(), fresh).unwrap()
    }

    fn opens(vault: &Vault, lead: &LeadRef) -> bool {
        vault.open_envelope(lead.id, lead.sealed.as_ref().unwrap()).is_some()
    }

    #[test]
    fn a_key_that_somebody_else_drew_is_made_durable_with_ones_own() {
        let vault = vault();
        let (mut first, mut second) = (Fresh::default(), Fresh::default());
        let _early = named(&vault, &mut first);
        let pending = vault.keep(first).unwrap();
        let late = named(&vault, &mut second);
        let borrowed = vault.keep(second).unwrap();
        assert_eq!(borrowed.keys, pending.keys);
        vault.kept(borrowed).unwrap();
        assert!(opens(&vault, &late));
        vault.kept(pending).unwrap();
        assert!(vault.drawn().is_empty());
    }

    #[test]
    fn a_key_that_was_destroyed_does_not_come_back_with_who_had_borrowed_it() {
        let vault = vault();
        let (mut first, mut second) = (Fresh::default(), Fresh::default());
        let early = named(&vault, &mut first);
        let pending = vault.keep(first).unwrap();
        let late = named(&vault, &mut second);
        vault.kept(pending).unwrap();
        assert!(opens(&vault, &early) && opens(&vault, &late));
        vault.forget(early.id).unwrap();
        vault.kept(vault.keep(second).unwrap()).unwrap();
        assert!(!opens(&vault, &early) && !opens(&vault, &late));
    }

    #[test]
    fn the_same_is_sealed_the_same_and_another_person_or_content_otherwise() {
        let (vault, mut fresh) = (vault(), Fresh::default());
        let mut sealed = |email: &str, fields: &[(&str, &str)]| {
            let address = Address { email: Some(Text::from(email)), contact_id: None };
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            vault.name("acme", &address, fields, &mut fresh).unwrap().sealed.unwrap()
        };
        let (ada, again) = (sealed("ada@acme.test", &[]), sealed("ada@acme.test", &[]));
        assert_eq!(ada, again);
        let others = [sealed("ada@acme.test", &[("name", "Ada")]), sealed("bob@acme.test", &[])];
        assert!(others.iter().all(|other| other[..NONCE_BYTES] != ada[..NONCE_BYTES]));
    }

    #[test]
    fn an_envelope_that_may_open_later_is_a_doubt() {
        let vault = Vault::new(Box::new(Away), Pepper([7; 32]));
        assert_eq!(vault.open_envelope(LeadId([1; 16]), b"sealed"), None);
        assert_eq!(vault.doubts(), 1);
    }
}
