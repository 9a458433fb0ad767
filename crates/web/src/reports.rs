//! `GET /v1/reports/…`, `/v1/leads/…`, `/v1/deals/…`: the answers of the command line, for consoles.
//!
//! A path is a verb and what it is about, parameters are the options of the verb, and the answer is what the command
//! line prints with `--format json`: one object a line, which begins with the name of its table where there are several.
//! Who asks must bear a token, because events may come from anywhere and answers name people.

use crate::admin::bears;
use crate::options::ANSWER_BYTES;
use crate::refusal::Refusal;
use crate::server::Front;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// A question as the command line takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// `report`, `lead` or `deal`.
    pub verb: &'static str,
    /// The report, the lead or the deal.
    pub subject: String,
    /// Options by name, in the order they were given; a switch has an empty value.
    pub options: Vec<(String, String)>,
}

/// An answer as the command line prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// One object a line.
    pub lines: String,
    /// What is to be said where rows were left out.
    pub cut: Option<String>,
}

/// Says in an answer that rows were left out, and how to ask for fewer.
const CUT: HeaderName = HeaderName::from_static("smarketing-rows-left-out");

/// Why there is no answer, in a sentence for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The question is wrong; says what would be right.
    Wrong(String),
    /// There is no such lead or deal.
    Missing(String),
    /// The warehouse did not answer.
    Failed(String),
}

/// Lets in who bears the token of readers, or that of administrators.
pub(crate) async fn guard(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let options = &front.options;
    if !bears(request.headers(), &options.reader_token) && !bears(request.headers(), &options.token) {
        let remedy = "send collector.reader_token of the configuration, or the token of the data directory's \
                      \"service.json\", as \"Authorization: Bearer …\"";
        return Refusal::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong", remedy).into_response();
    }
    next.run(request).await
}

pub(crate) async fn report(
    front: State<Arc<Front>>,
    name: Path<String>,
    options: Options,
) -> Result<Response, Refusal> {
    answer(front, "report", name, options).await
}

pub(crate) async fn lead(front: State<Arc<Front>>, who: Path<String>, options: Options) -> Result<Response, Refusal> {
    answer(front, "lead", who, options).await
}

pub(crate) async fn deal(front: State<Arc<Front>>, id: Path<String>, options: Options) -> Result<Response, Refusal> {
    answer(front, "deal", id, options).await
}

type Options = Query<Vec<(String, String)>>;

async fn answer(
    State(front): State<Arc<Front>>,
    verb: &'static str,
    Path(subject): Path<String>,
    Query(options): Options,
) -> Result<Response, Refusal> {
    let busy = || Refusal::later("too many questions at once");
    let turn = Arc::clone(&front.inquiries).try_acquire_owned().map_err(|_| busy())?;
    let admin = Arc::clone(&front.admin);
    let work = move || {
        // Held to the end, even when whoever asked goes away meanwhile.
        let _held = turn;
        admin.ask(&Inquiry { verb, subject, options })
    };
    let answered = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::fault())?.map_err(refusal)?;
    if answered.lines.len() > ANSWER_BYTES {
        return Err(refusal(Unanswered::Wrong(format!("the answer is longer than {ANSWER_BYTES} bytes"))));
    }
    let told = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    let mut response = (told, answered.lines).into_response();
    let cut = answered.cut.and_then(|cut| HeaderValue::try_from(cut).ok());
    response.headers_mut().extend(cut.map(|cut| (CUT, cut)));
    Ok(response)
}

fn refusal(unanswered: Unanswered) -> Refusal {
    match unanswered {
        Unanswered::Wrong(error) => {
            let remedy = "options are those of the command line: model, by, kind, from, to, hours, target; a shorter \
                          time gives a shorter answer";
            Refusal::new(StatusCode::BAD_REQUEST, error, remedy)
        }
        Unanswered::Missing(error) => {
            Refusal::new(StatusCode::NOT_FOUND, error, "look for it with `smarketing query`, or ask again later")
        }
        Unanswered::Failed(error) => {
            tracing::warn!(error, "a question was not answered");
            let remedy = "ask for a shorter time, or again when the warehouse answers";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error, remedy)
        }
    }
}
