//! The vault: where addresses become keyed hashes, and where they are sealed with a key of their own.
//!
//! A lead's id is HMAC-SHA256(pepper, workspace, address), cut to 128 bits. The address itself travels only as an
//! envelope encrypted with the person's own key (XChaCha20-Poly1305, the lead id as associated data). Destroying the
//! key makes every copy of the envelope unreadable, in the journal and in snapshots as well. Keys live apart from all
//! state and are never in a snapshot.

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
use std::sync::{Mutex, MutexGuard, PoisonError};

const NONCE_BYTES: usize = 24;
type PersonKey = [u8; 32];

/// Why the vault could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cells did not answer.
    #[error("the vault of person keys failed: {0}")]
    Cells(#[from] smarketing_store::Error),
    /// The system has no randomness.
    #[error("the system gave no random bytes for a person key: {0}")]
    Random(getrandom::Error),
    /// A stored key has the wrong length.
    #[error("the vault holds a key of {0} bytes instead of 32")]
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

/// Pepper and person keys of one installation.
pub struct Vault {
    cells: Box<dyn Cells>,
    pepper: Pepper,
    keys: Mutex<HashMap<LeadId, PersonKey>>,
}

impl Vault {
    /// A vault over the person keys in `cells`.
    #[must_use]
    pub fn new(cells: Box<dyn Cells>, pepper: Pepper) -> Self {
        Self { cells, pepper, keys: Mutex::new(HashMap::new()) }
    }

    /// Takes the address away: a reference that names nobody. Keys of people who are new are in `fresh` and must be
    /// kept with [`Vault::keep`] before the reference is journalled.
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

    /// Makes the keys of new people durable.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn keep(&self, fresh: Fresh) -> Result<(), Error> {
        if fresh.0.is_empty() {
            return Ok(());
        }
        let entries: Vec<_> = fresh.0.iter().map(|(id, key)| (id.0.to_vec(), key.to_vec())).collect();
        self.cells.put_many(&entries)?;
        self.cache().extend(fresh.0);
        Ok(())
    }

    /// Opens an envelope; `None` when the person's key was destroyed or the bytes are not an envelope of this lead.
    pub fn open_envelope(&self, id: LeadId, sealed: &[u8]) -> Option<Person> {
        let key = self.known_key(id).ok().flatten()?;
        let (nonce, body) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: body, aad: &id.0 };
        let plain = cipher(&key).decrypt(XNonce::from_slice(nonce), payload).ok()?;
        postcard::from_bytes(&plain).ok()
    }

    /// Destroys a person's key: every envelope of theirs is unreadable from now on.
    ///
    /// # Errors
    /// Cells that do not answer.
    pub fn forget(&self, id: LeadId) -> Result<(), Error> {
        self.cells.delete(&id.0)?;
        self.cache().remove(&id);
        Ok(())
    }

    fn key(&self, id: LeadId, fresh: &mut Fresh) -> Result<PersonKey, Error> {
        if let Some(key) = fresh.0.get(&id) {
            return Ok(*key);
        }
        if let Some(key) = self.known_key(id)? {
            return Ok(key);
        }
        let key = random::<32>()?;
        fresh.0.insert(id, key);
        Ok(key)
    }

    fn known_key(&self, id: LeadId) -> Result<Option<PersonKey>, Error> {
        if let Some(key) = self.cache().get(&id) {
            return Ok(Some(*key));
        }
        let Some(bytes) = self.cells.get(&id.0)? else { return Ok(None) };
        let key = whole(&bytes)?;
        self.cache().insert(id, key);
        Ok(Some(key))
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<LeadId, PersonKey>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() > KEYS_CACHED {
            keys.clear();
        }
        keys
    }
}

/// Keys of people who were named for the first time.
#[derive(Default)]
pub struct Fresh(HashMap<LeadId, PersonKey>);

fn seal(key: &PersonKey, id: LeadId, person: &Person) -> Result<Vec<u8>, Error> {
    let plain = postcard::to_allocvec(person).map_err(|_| Error::Seal)?;
    let nonce = random::<NONCE_BYTES>()?;
    let payload = Payload { msg: &plain, aad: &id.0 };
    let body = cipher(key).encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| Error::Seal)?;
    Ok([&nonce[..], &body].concat())
}

fn cipher(key: &PersonKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(key))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

fn whole(bytes: &[u8]) -> Result<PersonKey, Error> {
    bytes.try_into().map_err(|_| Error::Damaged(bytes.len()))
}

impl smarketing_warehouse::Opener for Vault {
    fn open(&self, lead: &str, sealed: &[u8]) -> Option<smarketing_warehouse::Opened> {
        let id = LeadId(from_hex(lead)?);
        let person = self.open_envelope(id, sealed)?;
        Some(smarketing_warehouse::Opened { email: person.email, contact_id: person.contact_id })
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
