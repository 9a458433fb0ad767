//! Answers that are not 200: `{"error": what is wrong, "remedy": what to do}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is refused, in the words of its answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: String,
    remedy: &'static str,
}

/// Seconds after which a request that met a busy or halted service may come again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");
const AGAIN: &str = "repeat the request later; events that were taken already are recognised by their event_id";

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>, remedy: &'static str) -> Self {
        Self { status, error: error.into(), remedy }
    }

    /// Nothing is wrong with the request; it may come again.
    pub(crate) fn later(error: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, AGAIN)
    }

    /// The body has more than `bytes_max` bytes.
    pub(crate) fn too_large(bytes_max: u64) -> Self {
        let error = format!("the body is larger than {bytes_max} bytes; nothing of it was taken");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error, "send it in smaller parts")
    }

    /// The body did not come in time.
    pub(crate) fn too_slow() -> Self {
        let error = "the body did not arrive in time; nothing of it was taken";
        Self::new(StatusCode::REQUEST_TIMEOUT, error, "repeat the request, in smaller parts if the line is slow")
    }

    /// A fault of this program.
    pub(crate) fn fault() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed on this request", AGAIN)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "remedy": self.remedy }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let _none = response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// The answer of paths that are none.
pub(crate) async fn no_such_path() -> Refusal {
    let remedy = "see POST /v1/events, GET /v1/status, GET /v1/reports/{name}, GET /healthz, GET /readyz";
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path", remedy)
}

/// The answer of paths that do not know a method.
pub(crate) async fn no_such_method() -> Refusal {
    let error = "this path does not know the method";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error, "use POST for /v1/events and /admin, GET for the others")
}
