//! Getting into a real Kafka through doors that only some may pass, as `[kafka.properties]` says it; and what whoever may
//! not is told.

#[path = "../../../tests/kafka/cluster.rs"]
mod cluster;
#[path = "../../../tests/kafka/ports.rs"]
mod ports;

use cluster::doors::USER;
use smarketing_engine::kafka::{Cluster, Copies, Error};
use smarketing_engine::log::{Kafka, Log};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A broker for the whole suite; it goes with the process.
static CLUSTER: LazyLock<cluster::Cluster> = LazyLock::new(cluster::Cluster::guarded);

/// What an issuer of tokens is shown for [`USER`]: `smarketing:open-sesame` in base 64.
const BASIC: &str = "Basic c21hcmtldGluZzpvcGVuLXNlc2FtZQ==";

/// Somebody's way to a door.
fn way(door: &str, properties: &[(&str, &str)]) -> Cluster {
    let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Cluster { brokers: CLUSTER.doors().address(door), properties: properties.collect(), ..Cluster::default() }
}

fn file(name: &str) -> String {
    CLUSTER.doors().file(name).display().to_string()
}

fn over_tls(authority: &str, more: &[(&str, &str)]) -> Cluster {
    let authority = file(authority);
    way("TLS", &[&[("security.protocol", "ssl"), ("ssl.ca.location", authority.as_str())], more].concat())
}

fn by_password(mechanism: &str, password: &str) -> Cluster {
    let authority = file("ca.pem");
    way(
        "SCRAM",
        &[
            ("security.protocol", "sasl_ssl"),
            ("ssl.ca.location", authority.as_str()),
            ("sasl.mechanism", mechanism),
            ("sasl.username", USER.0),
            ("sasl.password", password),
        ],
    )
}

fn by_token(issuer: &str, secret: &str) -> Cluster {
    way(
        "OAUTH",
        &[
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "OAUTHBEARER"),
            ("sasl.oauthbearer.method", "oidc"),
            ("sasl.oauthbearer.client.id", USER.0),
            ("sasl.oauthbearer.client.secret", secret),
            ("sasl.oauthbearer.token.endpoint.url", issuer),
        ],
    )
}

/// A journal can be opened, written and read through the door: by admin client, producer and consumer.
fn passes(cluster: &Cluster, topic: &str) {
    cluster.check().unwrap();
    cluster.knock(topic).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let copies = Copies { replication: 1, in_sync_min: 1 };
    let log = runtime.block_on(Kafka::open(cluster, topic, 1, copies)).unwrap();
    assert_eq!(log.append(0, &[b"entry"]).unwrap(), 0);
    let batch = log.reader(0, 0).unwrap().read(9, 999, Duration::from_secs(30)).unwrap();
    assert_eq!(batch.iter().map(|(_, entry)| entry.to_vec()).collect::<Vec<_>>(), [b"entry"]);
}

/// The way is shut, which is told with these words and without any secret.
fn is_told(cluster: &Cluster, words: &[&str]) {
    let error = cluster.knock("journal").unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, Error::Door { .. }), "{told}");
    assert!(told.contains(&cluster.brokers), "{told}");
    for word in words {
        assert!(told.contains(word), "\"{word}\" is not in: {told}");
    }
    for secret in [USER.1, "guess"] {
        assert!(!told.contains(secret), "{told}");
    }
}

/// Issues tokens, and says where.
fn issuer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut shown = false;
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                shown |= line
                    .split_once(": ")
                    .is_some_and(|(name, value)| name.eq_ignore_ascii_case("authorization") && value.trim() == BASIC);
                line.clear();
            }
            let (status, body) = match shown {
                true => ("200 OK", format!("{{\"access_token\":\"{}\",\"token_type\":\"Bearer\"}}", token())),
                false => ("401 Unauthorized", "{\"error\":\"invalid_client\"}".to_owned()),
            };
            let length = body.len();
            let _answered = write!(
                stream.get_mut(),
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    url
}

/// An unsecured token, good for a while.
#[expect(clippy::disallowed_methods, reason = "the broker reads the same clock")]
fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!("{{\"sub\":\"{}\",\"iat\":{now},\"exp\":{}}}", USER.0, now + 600);
    format!("{}.{}.", base64("{\"alg\":\"none\"}"), base64(&claims))
}

/// Base 64 for URLs, without padding.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = |three: &[u8]| {
        let bits = three.iter().chain([&0; 2]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        (0..=three.len()).map(|at| char::from(DIGITS[bits >> (18 - 6 * at) & 63])).collect::<String>()
    };
    text.as_bytes().chunks(3).map(digits).collect()
}

#[test]
fn whoever_may_pass_gets_in() {
    let (certificate, key) = (file("client.pem"), file("client.key"));
    let own = [("ssl.certificate.location", certificate.as_str()), ("ssl.key.location", key.as_str())];
    passes(&over_tls("ca.pem", &own), "over-tls");
    passes(&by_password("SCRAM-SHA-256", USER.1), "by-password-256");
    passes(&by_password("SCRAM-SHA-512", USER.1), "by-password-512");
    passes(&by_token(&issuer(), USER.1), "by-token");
}

#[test]
fn whoever_may_not_is_told_why() {
    is_told(&by_password("SCRAM-SHA-512", "guess"), &["do not accept who this is", "sasl_password"]);
    is_told(&by_token(&issuer(), "guess"), &["do not accept who this is", "sasl_oauthbearer_"]);
    is_told(&over_tls("stranger.pem", &[]), &["over TLS", "certificate verify failed", "ssl_ca_location"]);
    // A broker that wants a certificate hangs up on whoever shows none.
    is_told(&over_tls("ca.pem", &[]), &["security_protocol"]);
}

#[test]
fn whoever_does_not_get_through_is_told_where() {
    let nobody = format!("127.0.0.1:{}", ports::free());
    let cluster = Cluster { brokers: nobody, ..Cluster::default() };
    is_told(&cluster, &["do not answer", "refused", "kafka.brokers"]);
}

#[test]
fn settings_that_make_no_sense_are_named_without_their_values() {
    let cluster = way("SCRAM", &[("sasl.passwrd", USER.1)]);
    let told = cluster.check().unwrap_err().to_string();
    assert!(told.contains("sasl.passwrd") && !told.contains(USER.1), "{told}");
}
