//! What the object store's client needs and we have already: HTTP over the one TLS stack, and the hashes of signatures.

use hmac::{Hmac, Mac as _};
use http_body_util::BodyExt as _;
use hyper_tls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, HttpClient, HttpConnector as Connector, HttpError,
    HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody, HttpService, Signer, SigningAlgorithm,
};
use sha2::{Digest as _, Sha256};
use std::pin::Pin;
use std::time::Duration;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for the head of an answer, in which a piece is sent.
const ANSWER: Duration = Duration::from_secs(30);

type Https = Client<HttpsConnector<HttpConnector>, HttpRequestBody>;

/// Makes HTTP clients, and is one.
#[derive(Clone, Debug)]
pub(super) struct Wire(Https);

impl Default for Wire {
    fn default() -> Self {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_connect_timeout(Some(CONNECT));
        Self(Client::builder(TokioExecutor::new()).build(HttpsConnector::new_with_connector(plain)))
    }
}

impl Connector for Wire {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Wire {
    fn call<'this, 'answer>(&'this self, request: HttpRequest) -> Answer<'answer>
    where
        'this: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let late = |error| HttpError::new(HttpErrorKind::Timeout, error);
            let answer = tokio::time::timeout(ANSWER, self.0.request(request)).await.map_err(late)?;
            let answer = answer.map_err(|error| {
                let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
                HttpError::new(kind, error)
            })?;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            Ok(answer.map(|body| HttpResponseBody::new(body.map_err(broken))))
        })
    }
}

/// SHA-256 and the HMAC over it: all that Signature Version 4 uses.
#[derive(Debug)]
pub(super) struct Hashes;

impl CryptoProvider for Hashes {
    fn digest(&self, algorithm: DigestAlgorithm) -> object_store::Result<Box<dyn DigestContext>> {
        known(&algorithm)?;
        Ok(Box::new(Sum { state: Sha256::new(), sum: [0; 32] }))
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> object_store::Result<Box<dyn HmacContext>> {
        known(&algorithm)?;
        let state = Hmac::<Sha256>::new_from_slice(secret).map_err(|error| refused(error.to_string()))?;
        Ok(Box::new(Sum { state, sum: [0; 32] }))
    }

    fn sign(&self, algorithm: SigningAlgorithm, _pem: &[u8]) -> object_store::Result<Box<dyn Signer>> {
        Err(refused(format!("nothing is signed with {algorithm:?} here")))
    }
}

fn known(algorithm: &DigestAlgorithm) -> object_store::Result<()> {
    if *algorithm == DigestAlgorithm::Sha256 {
        Ok(())
    } else {
        Err(refused(format!("{algorithm:?} is not known here")))
    }
}

fn refused(why: String) -> object_store::Error {
    object_store::Error::NotSupported { source: why.into() }
}

/// A hash under way, and its value at the end.
struct Sum<S> {
    state: S,
    sum: [u8; 32],
}

impl DigestContext for Sum<Sha256> {
    fn update(&mut self, data: &[u8]) {
        self.state.update(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        self.sum = self.state.finalize_reset().into();
        Ok(&self.sum)
    }
}

impl HmacContext for Sum<Hmac<Sha256>> {
    fn update(&mut self, data: &[u8]) {
        self.state.update(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        self.sum = self.state.clone().finalize().into_bytes().into();
        Ok(&self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signing key of Amazon's documentation, "Derive a signing key for Signature Version 4".
    #[test]
    fn keys_are_derived_as_signature_version_4_says() {
        let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        for word in ["20120215", "us-east-1", "iam", "aws4_request"] {
            let mut hmac = Hashes.hmac(DigestAlgorithm::Sha256, &key).unwrap();
            hmac.update(word.as_bytes());
            key = hmac.finish().unwrap().to_vec();
        }
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
    }

    /// The empty payload's hash, as every signed request without a body carries it.
    #[test]
    fn payloads_are_hashed_as_signature_version_4_says() {
        let mut digest = Hashes.digest(DigestAlgorithm::Sha256).unwrap();
        digest.update(b"");
        let hex: String = digest.finish().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
