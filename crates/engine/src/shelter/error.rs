//! What goes wrong between us and an object store, and what a person can do about it.

use std::path::{Path, PathBuf};

/// Why a snapshot could not be sent or fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No folder of an object store.
    #[error("\"{url}\" is no folder for snapshots: {why}; write s3://bucket/prefix")]
    Folder {
        /// What was configured.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Environment variables that make no sense.
    #[error("the object store's settings in the environment: {0}")]
    Settings(String),
    /// The object store does not do this for us, and will not until a person changes something.
    #[error("the object store refused: {said}; {fix}")]
    Refused {
        /// Its words.
        said: String,
        /// What to look at.
        fix: &'static str,
    },
    /// The object store did not answer, or not as it should.
    #[error(
        "the object store did not serve: {said}; if it stays so, see AWS_ENDPOINT_URL, AWS_REGION, SSL_CERT_FILE where \
         the authority is your own, and AWS_ACCESS_KEY_ID: without it, the role of this machine is asked for"
    )]
    Away {
        /// What happened.
        said: String,
    },
    /// The partition or the process is left: nobody waits any more.
    #[error("the object store was not waited for any longer")]
    Left,
    /// A file of the directory.
    #[error("could not {what} \"{path}\": {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] smarketing_store::Error),
    /// Two snapshots of one position.
    #[error(
        "partition {partition} has snapshots of position {position} that differ: deciding was not deterministic; \
         keep both objects, and report this"
    )]
    Differ {
        /// Whose they are.
        partition: u32,
        /// The position.
        position: u64,
    },
}

const CREDENTIALS: &str = "see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
const RIGHTS: &str = "AWS_ACCESS_KEY_ID must be allowed to list, read, write and delete below kafka.snapshots";
const BUCKET: &str = "see the bucket in kafka.snapshots, and AWS_ENDPOINT_URL";
const REGION: &str = "see AWS_REGION, and AWS_ENDPOINT_URL";

/// What stores say that only a person can mend, by what a person looks at; the first that is found counts.
const REFUSALS: &[(&str, &str)] = &[
    ("NoSuchBucket", BUCKET),
    ("InvalidBucketName", BUCKET),
    ("InvalidAccessKeyId", CREDENTIALS),
    ("SignatureDoesNotMatch", CREDENTIALS),
    ("ExpiredToken", CREDENTIALS),
    ("InvalidToken", CREDENTIALS),
    ("AccessDenied", RIGHTS),
    ("AuthorizationHeaderMalformed", REGION),
    ("PermanentRedirect", REGION),
    ("without LOCATION", REGION),
    ("RequestTimeTooSkewed", "see the clock of this machine"),
    ("403 Forbidden", CREDENTIALS),
    ("401 Unauthorized", CREDENTIALS),
];

/// Most bytes of a store's words that are repeated.
const SAID_BYTES: usize = 300;

impl Error {
    pub(super) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { what, path: path.to_owned(), source }
    }

    pub(super) fn late() -> Self {
        Self::Away { said: "no answer in time".to_owned() }
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        let (text, said) = (error.to_string(), said(&error));
        match REFUSALS.iter().find(|(word, _)| text.contains(word)) {
            Some((_, fix)) => Self::Refused { said, fix },
            None => Self::Away { said },
        }
    }
}

/// A store's own words where it gave some, else the root of the trouble. An answer is not repeated whole: it can hold
/// what was signed, and with it a session's token.
fn said(error: &object_store::Error) -> String {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let text = root.to_string();
    let words: Vec<&str> = ["Code", "Message"].iter().filter_map(|name| element(&text, name)).collect();
    let mut said = if words.is_empty() { text } else { words.join(": ") };
    said.truncate(said.floor_char_boundary(SAID_BYTES));
    said
}

/// What is between the tags of an element of XML.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Error {
        object_store::Error::Generic { store: "S3", source: answer.into() }.into()
    }

    #[test]
    fn a_refusal_names_what_to_change_and_repeats_no_token() {
        let answer = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>\
                      <Message>not the one</Message><CanonicalRequest>x-amz-security-token:sesame</CanonicalRequest>";
        let said = read(answer).to_string();
        assert!(said.contains("SignatureDoesNotMatch: not the one; see AWS_ACCESS_KEY_ID"), "{said}");
        assert!(!said.contains("sesame"), "{said}");
        for (answer, fix) in [
            ("404 Not Found: <Code>NoSuchBucket</Code>", "kafka.snapshots"),
            ("403 Forbidden: <Code>AccessDenied</Code>", "allowed"),
            ("403 Forbidden: <html>", "AWS_SECRET_ACCESS_KEY"),
            ("400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>", "AWS_REGION"),
        ] {
            let error = read(answer);
            assert!(matches!(&error, Error::Refused { fix: said, .. } if said.contains(fix)), "{error}");
        }
    }

    #[test]
    fn what_may_pass_is_no_refusal() {
        for answer in ["503 Service Unavailable: <Code>SlowDown</Code>", "tcp connect error"] {
            assert!(matches!(read(answer), Error::Away { .. }), "{answer}");
        }
        assert!(read(&"é".repeat(1_000)).to_string().len() < 700);
    }
}
