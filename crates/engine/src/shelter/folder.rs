//! Where the object store is, and how to get in: `s3://bucket/prefix`, and the environment that tools for S3 take.

use super::{Error, wire};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Place;
use object_store::{BackoffConfig, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// How often, and for how long, one request is tried again; whoever asked tries again later.
const RETRIES: (usize, Duration) = (3, Duration::from_secs(10));

/// Environment variables that count, as Amazon's tools name them; others mean nothing here.
const SETTINGS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    // Another store than Amazon's. Buckets are part of the path, unless the endpoint is the bucket's own.
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    // Roles, as clouds give them to pods and tasks.
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    // Keys the store encrypts with.
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
];

/// A folder in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    bucket: String,
    prefix: Place,
}

impl Folder {
    /// Whether a configured place is meant to be an object store, not a directory.
    #[must_use]
    pub fn is_meant(place: &str) -> bool {
        place.contains("://")
    }

    /// Reads `s3://bucket/prefix`, of which the prefix may be missing.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn parse(url: &str) -> Result<Self, Error> {
        let wrong = |why| Error::Folder { url: url.to_owned(), why };
        let rest = url.strip_prefix("s3://").ok_or_else(|| wrong("it does not begin with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // What every store for S3 takes as it is, without escapes.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(wrong("a bucket has letters, digits, \".\", \"-\" and \"_\""));
        }
        let prefix = prefix.trim_end_matches('/');
        let good = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(|c| plain(c) || c == '=');
        if !prefix.is_empty() && !prefix.split('/').all(good) {
            return Err(wrong("between slashes a prefix has letters, digits, \".\", \"-\", \"_\" and \"=\""));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: Place::from(prefix) })
    }

    pub(super) fn prefix(&self) -> &Place {
        &self.prefix
    }

    /// The bucket's store.
    pub(super) fn open(&self, settings: impl IntoIterator<Item = (String, String)>) -> Result<AmazonS3, Error> {
        let (max_retries, retry_timeout) = RETRIES;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.bucket)
            .with_http_connector(wire::Wire::default())
            .with_crypto_provider(Arc::new(wire::Hashes))
            .with_retry(RetryConfig { backoff: BackoffConfig::default(), max_retries, retry_timeout });
        for (name, value) in settings.into_iter().filter(|(name, _)| SETTINGS.contains(&name.as_str())) {
            if let Some(key) = setting(&name, &value)? {
                builder = builder.with_config(key, value);
            }
        }
        builder.build().map_err(|error| Error::Settings(error.to_string()))
    }
}

/// What a variable sets; nothing where it is empty. Values are not repeated: they may be secret.
fn setting(name: &str, value: &str) -> Result<Option<AmazonS3ConfigKey>, Error> {
    if value.is_empty() {
        return Ok(None);
    }
    let url = name.starts_with("AWS_ENDPOINT_URL");
    if url && !["https://", "http://"].iter().any(|scheme| value.starts_with(scheme)) {
        return Err(Error::Settings(format!("{name} does not begin with https:// or http://")));
    }
    if !value.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Error::Settings(format!("{name} has blanks, line ends or other characters that do not belong")));
    }
    let key = name.to_ascii_lowercase().parse();
    key.map(Some).map_err(|error: object_store::Error| Error::Settings(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(settings: &[(&str, &str)]) -> Result<AmazonS3, Error> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Folder::parse("s3://snapshots").unwrap().open(settings)
    }

    #[test]
    fn a_folder_is_a_bucket_and_a_plain_prefix() {
        for (url, bucket, prefix) in [
            ("s3://b", "b", ""),
            ("s3://b/", "b", ""),
            ("s3://b.eu/a/b/", "b.eu", "a/b"),
            ("s3://b_1/team=x/y.z-1", "b_1", "team=x/y.z-1"),
        ] {
            let folder = Folder::parse(url).unwrap();
            assert_eq!((&*folder.bucket, folder.prefix.as_ref()), (bucket, prefix), "{url}");
        }
        for url in [
            "gs://a/b",
            "http://a",
            " s3://a",
            "s3://",
            "s3:///a",
            "s3://a b",
            "s3://a ",
            "s3://me@b/c",
            "s3://b/a b",
            "s3://b/ ",
            "s3://b//a",
            "s3://b/a//b",
            "s3://b/../a",
            "s3://b/%20",
            "s3://b/a?x",
            "s3://b/ä",
            "s3://b/a\n",
        ] {
            assert!(matches!(Folder::parse(url), Err(Error::Folder { .. })), "{url}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_told_by_name_and_without_their_value() {
        let id = ("AWS_ACCESS_KEY_ID", "me");
        open(&[]).unwrap();
        open(&[id, ("AWS_SECRET_ACCESS_KEY", "open-sesame"), ("AWS_SESSION_TOKEN", ""), ("AWS_TIMEOUT", "?")]).unwrap();
        let cases = [
            ("AWS_SECRET_ACCESS_KEY", "open-sesame\n", "AWS_SECRET_ACCESS_KEY has blanks"),
            ("AWS_REGION", "eu west", "AWS_REGION has blanks"),
            ("AWS_ENDPOINT_URL", "minio:9000", "AWS_ENDPOINT_URL does not begin with"),
            ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "open-sesame", ""),
            ("AWS_SECRET_ACCESS_KEY", "", "SecretAccessKey"),
        ];
        for (name, value, said) in cases {
            let error = open(&[id, (name, value)]).unwrap_err().to_string();
            assert!(error.contains(said) && (said.is_empty() || !error.contains("sesame")), "{error}");
        }
    }
}
