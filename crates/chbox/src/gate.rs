//! Who is let in: the names we know, the loopback hosts, and how many at once.

use crate::access::Role;
use crate::fault::{Fault, Raised};
use crate::request::Credentials;
use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The random key of the user `service`. Never printed.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

/// The role these credentials give.
///
/// # Errors
/// Code 516, the same for an unknown user and a wrong key.
pub(crate) fn role(credentials: &Credentials, secret: &Secret) -> Result<Role, Fault> {
    match credentials.user.as_str() {
        "" | "default" if credentials.key.is_empty() => Ok(Role::Reader),
        "service" if same(&credentials.key, &secret.0) => Ok(Role::Service),
        user => {
            let user: String = user.chars().take(64).flat_map(char::escape_default).collect();
            let why =
                format!("{user}: Authentication failed: password is incorrect, or there is no user with such name");
            Err(Fault::raise(Raised::Authentication, why))
        }
    }
}

/// Compares without telling by its time where the first difference is.
fn same(given: &str, secret: &str) -> bool {
    let differs = given.bytes().zip(secret.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    given.len() == secret.len() && differs == 0 && !secret.is_empty()
}

/// Refuses what a web page could send here: a host name that is not ours (DNS rebinding), or an
/// origin that is not local.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &hyper::header::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(HOST).is_none_or(is_loopback);
    let origin = text(ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, host)| is_loopback(host)));
    host && origin
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// How many queries of a role run and wait.
pub(crate) struct Gate {
    running: Arc<Semaphore>,
    waiting: AtomicU32,
    most_waiting: u32,
}

impl Gate {
    /// Lets `running` in at once and `waiting` queue for it.
    pub(crate) fn new(running: u32, waiting: u32) -> Gate {
        Gate { running: Arc::new(Semaphore::new(running as usize)), waiting: AtomicU32::new(0), most_waiting: waiting }
    }

    /// Waits for a turn, which ends when the permit is dropped.
    ///
    /// # Errors
    /// Code 202 when too many wait already.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = self.running.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let place = Place::take(self)?;
        let permit = self.running.clone().acquire_owned().await;
        drop(place);
        permit.map_err(|_| Fault::raise(Raised::TooManyQueries, "The server is stopping"))
    }
}

/// A place in the queue, given back even when the client leaves.
struct Place<'a>(&'a AtomicU32);

impl<'a> Place<'a> {
    fn take(gate: &'a Gate) -> Result<Place<'a>, Fault> {
        let place = Place(&gate.waiting);
        if gate.waiting.fetch_add(1, Ordering::AcqRel) >= gate.most_waiting {
            return Err(Fault::raise(Raised::TooManyQueries, "Too many simultaneous queries"));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_give_roles() {
        let secret = Secret("s3cret".into());
        let check = |user: &str, key: &str, expect: Result<Role, u16>| {
            let seen = role(&Credentials { user: user.into(), key: key.into() }, &secret).map_err(|f| f.code);
            assert_eq!(seen, expect, "{user}:{key}");
        };
        check("", "", Ok(Role::Reader));
        check("default", "", Ok(Role::Reader));
        check("service", "s3cret", Ok(Role::Service));
        check("service", "", Err(516));
        check("service", "s3creT", Err(516));
        check("service", "s3cret2", Err(516));
        check("default", "x", Err(516));
        check("root", "", Err(516));
    }

    #[test]
    fn only_loopback_names_are_ours() {
        let check = |host: &str, origin: Option<&str>, expect: bool| {
            let mut headers = HeaderMap::from_iter([(HOST, host.parse().expect("header"))]);
            if let Some(origin) = origin {
                drop(headers.insert(ORIGIN, origin.parse().expect("header")));
            }
            assert_eq!(is_local(&headers), expect, "{host} {origin:?}");
        };
        check("127.0.0.1:8123", None, true);
        check("LOCALHOST", Some("http://localhost:3000"), true);
        check("[::1]:1", None, true);
        check("evil.example:8123", None, false);
        check("127.0.0.1.evil.example", None, false);
        check("127.0.0.1:8123", Some("https://evil.example"), false);
        check("127.0.0.1:8123", Some("null"), false);
    }
}
