//! Doors of a broker that only some may pass: TLS with a certificate of the client's own, SCRAM over TLS, OAUTHBEARER.
//!
//! Authority and certificates are made here with openssl. Tokens are unsecured ones, which a broker takes where nothing
//! else is configured; whoever serves them is part of the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who may pass with a password.
pub(crate) const USER: (&str, &str) = ("smarketing", "open-sesame");

/// Certificates, and where the doors are.
pub(crate) struct Doors {
    folder: PathBuf,
    ports: Vec<u16>,
}

#[allow(dead_code)]
impl Doors {
    /// Makes an authority, certificates of a broker and a client, and an authority nobody knows.
    pub(crate) fn make(folder: &Path, ports: &[u16]) -> Self {
        let doors = Self { folder: folder.to_owned(), ports: ports.to_vec() };
        doors.certificate("ca", &["-days", "2"]);
        doors.certificate("stranger", &["-days", "2"]);
        for name in ["broker", "client"] {
            let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
            doors.certificate(name, &[&signed[..], &["-addext", "subjectAltName=IP:127.0.0.1"]].concat());
        }
        let key = std::fs::read_to_string(doors.file("broker.key")).unwrap();
        let chain = std::fs::read_to_string(doors.file("broker.pem")).unwrap();
        std::fs::write(doors.file("broker.both"), key + &chain).unwrap();
        doors
    }

    fn certificate(&self, name: &str, more: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-subj", &format!("/CN={name}"), "-keyout", &format!("{name}.key"), "-out"]);
        openssl.arg(format!("{name}.pem")).args(more).current_dir(&self.folder).stdin(Stdio::null());
        let ran = openssl.output().expect("openssl is needed");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    /// A file of the certificates, such as `ca.pem`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where a door is: `TLS`, `SCRAM` or `OAUTH`.
    pub(crate) fn address(&self, door: &str) -> String {
        let at = ["TLS", "SCRAM", "OAUTH"].iter().position(|known| *known == door).unwrap();
        format!("127.0.0.1:{}", self.ports[at])
    }

    /// What a broker with these doors is told besides.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let oauth = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                     unsecuredLoginStringClaim_sub=\"broker\";";
        let listeners = ["TLS", "SCRAM", "OAUTH"].map(|door| format!("{door}://{}", self.address(door))).join(",");
        let path = |name: &str| self.file(name).display().to_string();
        let settings = [
            ("listeners", listeners.as_str()),
            ("listener.security.protocol.map", "TLS:SSL,SCRAM:SASL_SSL,OAUTH:SASL_PLAINTEXT"),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", &path("broker.both")),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &path("ca.pem")),
            ("listener.name.tls.ssl.client.auth", "required"),
            ("listener.name.scram.sasl.enabled.mechanisms", "SCRAM-SHA-256,SCRAM-SHA-512"),
            ("listener.name.scram.scram-sha-256.sasl.jaas.config", scram),
            ("listener.name.scram.scram-sha-512.sasl.jaas.config", scram),
            ("listener.name.oauth.sasl.enabled.mechanisms", "OAUTHBEARER"),
            ("listener.name.oauth.oauthbearer.sasl.jaas.config", oauth),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Who is known to the door with passwords, as the storage tool takes it.
    pub(crate) fn users(&self) -> Vec<String> {
        let (name, password) = USER;
        let user = |mechanism| format!("SCRAM-SHA-{mechanism}=[name={name},password={password}]");
        [256, 512].map(user).into()
    }
}
