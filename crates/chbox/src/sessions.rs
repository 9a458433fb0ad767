//! Sessions: connections that live from one request to the next, with their temporary tables and
//! settings.

use crate::access::Role;
use crate::engine::Marked;
use crate::fault::{Fault, Raised};
use crate::request::SessionOf;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Sessions held at once; each costs an engine connection.
const MAX_SESSIONS: usize = 256;

type Key = (Role, String);

enum Slot {
    /// A request is using it.
    Busy,
    Idle(Marked, Instant),
}

/// All sessions by role and id. One request at a time uses a session.
#[derive(Default)]
pub(crate) struct Sessions {
    slots: Mutex<HashMap<Key, Slot>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session's connection, or `None` for a session that begins now; it is busy from here on.
    pub(crate) fn take(&self, role: Role, session: &SessionOf) -> Result<Option<Marked>, Fault> {
        let mut slots = self.lock();
        let key = (role, session.id.clone());
        if matches!(slots.get(&key), Some(Slot::Busy)) {
            return Err(Fault::raise(Raised::SessionLocked, "Session is locked by a concurrent client"));
        }
        let held = slots.remove(&key);
        if held.is_none() && session.must_exist {
            return Err(Fault::raise(Raised::SessionNotFound, "Session not found"));
        }
        if slots.len() >= MAX_SESSIONS {
            return Err(Fault::raise(Raised::TooManyQueries, "Too many sessions"));
        }
        slots.insert(key, Slot::Busy);
        Ok(held.and_then(|slot| match slot {
            Slot::Idle(marked, _) => Some(marked),
            Slot::Busy => None,
        }))
    }

    /// Gives the connection back, or ends the session when there is none to give.
    pub(crate) fn put(&self, role: Role, session: &SessionOf, connection: Option<Marked>) {
        let key = (role, session.id.clone());
        match connection.filter(|_| !session.close) {
            Some(marked) => {
                let until = Instant::now() + Duration::from_secs(session.seconds);
                drop(self.lock().insert(key, Slot::Idle(marked, until)));
            }
            None => drop(self.lock().remove(&key)),
        }
    }

    /// Ends the sessions nobody used in time.
    pub(crate) fn expire(&self, now: Instant) {
        let over: Vec<Slot> = {
            let mut slots = self.lock();
            slots
                .extract_if(|_, slot| matches!(slot, Slot::Idle(_, until) if *until <= now))
                .map(|(_, slot)| slot)
                .collect()
        };
        drop(over);
    }

    /// Ends all sessions.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *self.lock());
        drop(all);
    }
}
