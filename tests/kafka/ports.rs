//! Ports nobody listens on, and that stay so until somebody is told to.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those a system gives to whoever connects or asks for any port: one of these is nobody's between being given
/// here and being listened on, or while a broker restarts.
const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// How many were looked at. None is given twice.
static LOOKED_AT: AtomicU32 = AtomicU32::new(0);

/// A port of the loopback address.
pub(crate) fn free() -> u16 {
    // Test processes side by side begin at different places.
    let start = std::process::id().wrapping_mul(61);
    loop {
        let at = LOOKED_AT.fetch_add(1, Ordering::Relaxed);
        assert!(at < COUNT, "no port from {FIRST} to {} is free", FIRST + COUNT - 1);
        let port = u16::try_from(FIRST + start.wrapping_add(at) % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
