//! Bodies on their way in: bounded in bytes, in time, and all of them together in memory.

use crate::options::{DISCARD_TIME, Options};
use crate::refusal::Refusal;
use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A whole body, and the room it takes up until it is dropped.
pub(crate) struct Upload {
    pub(crate) bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

/// Receives a body of at most `bytes_max` bytes. `room` has a permit for every byte that may be held.
pub(crate) async fn receive(
    body: &mut Body,
    bytes_max: u64,
    options: &Options,
    room: &Arc<Semaphore>,
) -> Result<Upload, Refusal> {
    if body.size_hint().lower() > bytes_max {
        return Err(Refusal::too_large(bytes_max));
    }
    let mut upload = Upload { bytes: Vec::new(), room: None };
    let whole = async {
        while let Some(frame) = timeout(options.patience, body.frame()).await.map_err(|_| Refusal::too_slow())? {
            if let Ok(piece) = frame.map_err(|_| broken())?.into_data() {
                upload.push(&piece, bytes_max, room)?;
            }
        }
        Ok(upload)
    };
    timeout(options.upload_time_max, whole).await.unwrap_or_else(|_| Err(Refusal::too_slow()))
}

impl Upload {
    fn push(&mut self, piece: &[u8], bytes_max: u64, room: &Arc<Semaphore>) -> Result<(), Refusal> {
        if self.bytes.len().saturating_add(piece.len()) as u64 > bytes_max {
            return Err(Refusal::too_large(bytes_max));
        }
        let full = || Refusal::later("too many bytes are being received; nothing of this body was taken");
        let bytes = u32::try_from(piece.len()).map_err(|_| full())?;
        let taken = Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| full())?;
        match &mut self.room {
            Some(room) => room.merge(taken),
            None => self.room = Some(taken),
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

/// Reads on what is left of a refused body for a moment: a sender that is cut off in the middle would see a broken
/// connection instead of its answer. One that asked first is not waited for.
pub(crate) async fn discard(headers: &HeaderMap, mut body: Body) {
    if !headers.contains_key(header::EXPECT) {
        let rest = async { while let Some(Ok(_)) = body.frame().await {} };
        let _in_time = timeout(DISCARD_TIME, rest).await;
    }
}

fn broken() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "the body broke off; nothing of it was taken", "repeat the request")
}
