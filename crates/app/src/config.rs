//! Configuration: one TOML file, every key with a default, environment above file.
//!
//! `Raw` is what may be written; [`Config`] is what was checked. All problems are told at once, each with its path and
//! a hint, and every effective value knows where it came from.

mod kafka;
mod sales;
mod strict;

pub(crate) use sales::{Sla, Watch};

use crate::place::Place;
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use smarketing_engine::Pepper;
use smarketing_kernel::rules::{Definitions, Rules};
use smarketing_kernel::watch::Settings;
use smarketing_warehouse::{Calendar, Cluster};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use strict::{has_user, is_origin, sealed, urls};
use toml::{Table, Value};

/// The configuration as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) service: Service,
    pub(crate) collector: Collector,
    pub(crate) clickhouse: ClickHouse,
    pub(crate) kafka: kafka::Kafka,
    pub(crate) privacy: Privacy,
    pub(crate) sla: Sla,
    pub(crate) watch: Watch,
    pub(crate) definitions: Definitions,
}

/// How the work is divided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Service {
    /// Workspace of events that name none.
    pub(crate) workspace: String,
    /// Partitions of a new journal; fixed once it exists.
    pub(crate) partitions: u32,
    /// What a process of `smarketing run` does: `intake`, `worker`, `web`.
    pub(crate) roles: Vec<String>,
    /// Least time between two comparisons of a partition with the warehouse.
    pub(crate) reconcile_seconds: u64,
    /// Least time between two snapshots of a partition.
    pub(crate) snapshot_seconds: u64,
}

/// Where events come in over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Collector {
    /// Address and port; port 0 takes a free one.
    pub(crate) listen: String,
    /// Largest request body in MiB, after decompression.
    pub(crate) body_mib: u32,
    /// Web origins whose pages may send events.
    pub(crate) origins: Vec<String>,
    /// Opens the reports to whoever bears it; empty leaves them to this machine's own token.
    pub(crate) reader_token: String,
}

/// The embedded ClickHouse engine, or a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClickHouse {
    /// Loopback port; 0 takes a free one.
    pub(crate) port: u16,
    /// Memory the engine may hold, in MiB.
    pub(crate) memory_mib: u64,
    /// Whether an insert is acknowledged only when it is on disk.
    pub(crate) durable: bool,
    /// URL of a server's HTTP interface; empty for the embedded engine.
    pub(crate) url: String,
    /// Name of the cluster the server is part of; empty for one server.
    pub(crate) cluster: String,
    /// Database of the views; the tables of a generation live beside it.
    pub(crate) database: String,
    /// The server's user that migrates and writes.
    pub(crate) user: String,
    /// Its password.
    pub(crate) password: String,
    /// The server's user that may only read; empty for the same one.
    pub(crate) reader_user: String,
    /// Its password.
    pub(crate) reader_password: String,
}

/// What stays in clear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Privacy {
    /// Form fields that name nobody; all others travel sealed.
    pub(crate) clear_fields: Vec<String>,
    /// The file with the secret behind lead ids, 32 bytes; empty for the data directory's own.
    pub(crate) pepper_file: String,
}

/// What a process can do.
const ROLES: [&str; 3] = ["intake", "worker", "web"];

impl Default for Service {
    fn default() -> Self {
        Self {
            workspace: "default".into(),
            partitions: 1,
            roles: ROLES.map(str::to_owned).into(),
            reconcile_seconds: smarketing_engine::limits::RECONCILE_EVERY.as_secs(),
            snapshot_seconds: smarketing_engine::limits::SNAPSHOT_EVERY.as_secs(),
        }
    }
}

impl ClickHouse {
    /// The cluster that is configured.
    pub(crate) fn cluster(&self) -> Option<Cluster> {
        (!self.cluster.is_empty()).then(|| Cluster { name: self.cluster.clone(), keeper: true })
    }

    fn validate(&self, problem: &mut dyn FnMut(&str, &str)) {
        if self.memory_mib < 512 {
            problem("clickhouse.memory_mib", "must be at least 512");
        }
        if !self.cluster.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
            problem("clickhouse.cluster", "letters, digits, _ and -");
        }
        if !self.cluster.is_empty() && self.url.is_empty() {
            problem("clickhouse.cluster", "needs clickhouse.url, of one of its servers");
        }
    }
}

impl Collector {
    fn validate(&self, problem: &mut dyn FnMut(&str, &str)) {
        if !(1..=1_024).contains(&self.body_mib) {
            problem("collector.body_mib", "must be between 1 and 1024");
        }
        for (at, _) in self.origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin)) {
            problem(
                &format!("collector.origins[{at}]"),
                "an origin as browsers send it, such as \"https://acme.test\": scheme and lower-case host, a port if it is \
                 not the scheme's own, and no path",
            );
        }
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self { listen: "127.0.0.1:7070".into(), body_mib: 64, origins: Vec::new(), reader_token: String::new() }
    }
}

impl Default for ClickHouse {
    fn default() -> Self {
        Self {
            port: 0,
            memory_mib: 4_096,
            durable: true,
            url: String::new(),
            cluster: String::new(),
            database: "smarketing".into(),
            user: "default".into(),
            password: String::new(),
            reader_user: String::new(),
            reader_password: String::new(),
        }
    }
}

impl Default for Privacy {
    fn default() -> Self {
        let clear_fields = smarketing_engine::intake::CLEAR_FIELDS.iter().map(|field| (*field).to_owned()).collect();
        Self { clear_fields, pepper_file: String::new() }
    }
}

/// The configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) raw: Raw,
    pub(crate) rules: Arc<Rules>,
    pub(crate) listen: std::net::SocketAddr,
    /// When sales works, and how long it may take.
    pub(crate) calendar: Calendar,
    /// When a step of the funnel is said to have fallen.
    pub(crate) watch: Settings,
    /// Every effective value with its origin, by path.
    pub(crate) values: BTreeMap<String, (String, Origin)>,
    /// Things that work, but not as somebody may think.
    pub(crate) warnings: Vec<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File,
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("file"),
            Self::Environment(name) => f.write_str(name),
        }
    }
}

/// Everything that is wrong, at once.
#[derive(Debug)]
pub(crate) struct Problems(Vec<(String, String)>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration has problems")?;
        self.0.iter().try_for_each(|(path, hint)| write!(f, "\n  {path}: {hint}"))
    }
}

impl std::error::Error for Problems {}

/// What environment variables begin with: `SMARKETING__COLLECTOR__LISTEN` is `collector.listen`.
const PREFIX: &str = "SMARKETING__";

impl Config {
    /// Loads a file (`smarketing.toml` when none is named and it is there) and the environment above it.
    pub(crate) fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.map_or_else(|| PathBuf::from("smarketing.toml"), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => String::new(),
            Err(error) => anyhow::bail!("could not read the configuration \"{}\": {error}", path.display()),
        };
        let environment = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX));
        Ok(Self::parse(&text, environment)?)
    }

    /// The configuration of a file's text and environment variables.
    pub(crate) fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, Problems> {
        let one = |path: &str, hint: String| Problems(vec![(path.to_owned(), hint)]);
        let defaults = Table::try_from(Raw::default()).map_err(|error| one("defaults", error.to_string()))?;
        let file: Table = text.parse().map_err(|error: toml::de::Error| one("file", error.to_string()))?;
        let mut origins = BTreeMap::new();
        let mut problems = Vec::new();
        leaves("", &Value::Table(file.clone()), &mut |path, _| {
            origins.insert(path.to_owned(), Origin::File);
        });
        let mut merged = file;
        for (name, value) in environment {
            let path = name[PREFIX.len()..].to_lowercase().replace("__", ".");
            set(&mut merged, &path, literal(&defaults, &path, &value));
            origins.insert(path, Origin::Environment(name));
        }
        unknown("", &merged, &defaults, &mut problems);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let raw = Raw::deserialize(Value::Table(merged)).map_err(|error| one("file", error.to_string()))?;
        let values = effective(&raw, &origins);
        validate(raw, values, problems)
    }
}

impl Config {
    /// Whether ClickHouse is a server of somebody's.
    pub(crate) fn has_server(&self) -> bool {
        !self.raw.clickhouse.url.is_empty()
    }

    /// The rules as a generation works by them.
    pub(crate) fn rules_of(&self, generation: u32) -> Arc<Rules> {
        Arc::new(Rules::clone(&self.rules).of_generation(generation))
    }

    /// The secret behind the lead ids of a data directory that has some.
    pub(crate) fn pepper(&self, place: &Place) -> anyhow::Result<Pepper> {
        let layout = place.layout()?.context("there is no data yet: import some, or start the service")?;
        let Some(pepper) = self.found_pepper(place)? else {
            bail!(
                "the pepper of the data directory is gone: bring \"{}\" back from a backup; with another one every \
                 person would become two",
                place.pepper_file().display()
            );
        };
        if !layout.pepper.is_empty() && layout.pepper != pepper.digest() {
            bail!(
                "the pepper is not the one this data directory was made with (its file, or privacy.pepper_file, was \
                 changed): bring that one back; with another one every person would become two"
            );
        }
        Ok(pepper)
    }

    /// The secret for a directory that is new: a file's, what lies there already, or drawn.
    pub(crate) fn pepper_or_new(&self, place: &Place) -> anyhow::Result<Pepper> {
        self.found_pepper(place)?.map_or_else(|| place.draw_pepper(), Ok)
    }

    fn found_pepper(&self, place: &Place) -> anyhow::Result<Option<Pepper>> {
        let path = &self.raw.privacy.pepper_file;
        if path.is_empty() {
            return place.pepper();
        }
        let bytes = std::fs::read(path).with_context(|| format!("could not read privacy.pepper_file \"{path}\""))?;
        match bytes.as_slice().try_into() {
            Ok(pepper) => Ok(Some(Pepper(pepper))),
            Err(_) => bail!("privacy.pepper_file \"{path}\" has {} bytes instead of 32", bytes.len()),
        }
    }
}

fn validate(
    raw: Raw,
    values: BTreeMap<String, (String, Origin)>,
    mut problems: Vec<(String, String)>,
) -> Result<Config, Problems> {
    let mut problem = |path: &str, hint: &str| problems.push((path.to_owned(), hint.to_owned()));
    if !(1..=256).contains(&raw.service.partitions) {
        problem("service.partitions", "must be between 1 and 256");
    }
    if raw.service.roles.is_empty() || raw.service.roles.iter().any(|role| !ROLES.contains(&role.as_str())) {
        problem("service.roles", "one or more of intake, worker and web");
    }
    raw.kafka.validate(&mut problem);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if raw.service.workspace.is_empty() || raw.service.workspace.len() > 64 || !raw.service.workspace.chars().all(plain)
    {
        problem("service.workspace", "1 to 64 of a-z, 0-9, _ and -");
    }
    raw.collector.validate(&mut problem);
    let times =
        [("reconcile_seconds", raw.service.reconcile_seconds), ("snapshot_seconds", raw.service.snapshot_seconds)];
    for (key, seconds) in times {
        if !(1..=86_400).contains(&seconds) {
            problem(&format!("service.{key}"), "must be between 1 and 86400");
        }
    }
    raw.clickhouse.validate(&mut problem);
    for (key, url, instead) in urls(&raw) {
        if has_user(url) {
            problem(
                &key,
                &format!("must not name a user or a password, because URLs are shown and logged; use {instead}"),
            );
        }
    }
    let listen = raw.collector.listen.parse().ok();
    if listen.is_none() {
        problem("collector.listen", "an address and port such as \"127.0.0.1:7070\"");
    }
    let calendar = sales::calendar(&raw.sla, &mut problem);
    let watch = sales::settings(&raw.watch, &mut problem);
    let rules = match Rules::new(&raw.definitions) {
        Ok(rules) => Some(rules),
        Err(found) => {
            found.iter().for_each(|found| problem(&format!("definitions.{}", found.path), &found.hint));
            None
        }
    };
    let (Some(listen), Some(rules), true) = (listen, rules, problems.is_empty()) else {
        return Err(Problems(problems));
    };
    let shadowed = rules.shadowed().into_iter();
    let warnings = shadowed
        .map(|rule| {
            format!(
                "definitions.channels[{}] can never match: channels[{}] takes everything it would",
                rule.row, rule.by
            )
        })
        .chain(sealed(&raw))
        .collect();
    Ok(Config { raw, rules: Arc::new(rules), listen, calendar, watch, values, warnings })
}

/// Calls `visit` with the path and value of everything that is not a table.
fn leaves(path: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Table(table) if !table.is_empty() || path.is_empty() => {
            for (name, value) in table {
                leaves(&join(path, name), value, visit);
            }
        }
        value => visit(path, value),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Sets a value at a dotted path, making tables on the way.
fn set(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// A value of the environment: text where text is due (a password may look like a number), else what TOML would read.
fn literal(defaults: &Table, path: &str, text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    match parsed {
        Some(value) if !takes_text(defaults, path) || value.is_str() => value,
        _ => Value::String(text.to_owned()),
    }
}

/// Whether the value at a path is text.
fn takes_text(defaults: &Table, path: &str) -> bool {
    if ["kafka.properties.", "kafka.topics.", "kafka.sources."].iter().any(|open| path.starts_with(open)) {
        return true;
    }
    match path.split_once('.') {
        None => defaults.get(path).is_some_and(Value::is_str),
        Some((head, rest)) => match defaults.get(head) {
            Some(Value::Table(inner)) => inner.get(rest).is_some_and(Value::is_str) || takes_text(inner, rest),
            _ => false,
        },
    }
}

/// Tables whose keys are the operator's own.
const OPEN: &[&str] = &["definitions.scoring.personas", "kafka.topics", "kafka.properties", "kafka.sources"];

/// What paths of values hold that nobody else should read.
const SECRETS: [&str; 7] = ["password", "token", "authorization", "secret", "jaas", "passphrase", "pem"];

/// Keys that no configuration has, all of them.
fn unknown(path: &str, given: &Table, known: &Table, problems: &mut Vec<(String, String)>) {
    for (name, value) in given {
        let at = join(path, name);
        match (value, known.get(name)) {
            (_, None) => {
                let near = known.keys().cloned().collect::<Vec<_>>().join(", ");
                problems.push((at, format!("no such key; known here: {near}")));
            }
            (Value::Table(given), Some(Value::Table(known))) if !OPEN.contains(&at.as_str()) => {
                unknown(&at, given, known, problems);
            }
            _ => {}
        }
    }
}

fn effective(raw: &Raw, origins: &BTreeMap<String, Origin>) -> BTreeMap<String, (String, Origin)> {
    let mut values = BTreeMap::new();
    if let Ok(table) = Table::try_from(raw) {
        leaves("", &Value::Table(table), &mut |path, value| {
            let said = |known: &&String| path == *known || path.starts_with(&format!("{known}."));
            let origin =
                origins.iter().find(|(known, _)| said(known)).map_or(Origin::Default, |(_, origin)| origin.clone());
            let is_secret = SECRETS.iter().any(|secret| path.contains(secret)) && value.as_str() != Some("");
            let shown = if is_secret { "\"…\"".to_owned() } else { value.to_string() };
            values.insert(path.to_owned(), (shown, origin));
        });
    }
    values
}

#[cfg(test)]
mod tests {
    mod deploy;
    mod fuzz;

    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Problems> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(text, environment)
    }

    #[test]
    fn nothing_is_a_configuration() {
        let config = parse("", &[]).unwrap();
        assert_eq!(config.raw, Raw::default());
        assert!(config.values.values().all(|(_, origin)| *origin == Origin::Default));
    }

    #[test]
    fn the_environment_stands_above_the_file() {
        let file = "[service]\npartitions = 2\nworkspace = \"acme\"";
        let names = ["SERVICE__PARTITIONS", "CLICKHOUSE__PASSWORD", "KAFKA__PROPERTIES__CLIENT_ID", "SERVICE__ROLES"];
        let [partitions, password, client, roles] = names.map(|name| format!("{PREFIX}{name}"));
        let set = [(&*partitions, "3"), (&*password, "12e4"), (&*client, "7"), (&*roles, "[\"web\"]")];
        let config = parse(file, &set).unwrap();
        assert_eq!((&*config.raw.clickhouse.password, &*config.raw.service.roles), ("12e4", &["web".to_owned()][..]));
        assert_eq!(config.raw.kafka.cluster().properties["client.id"], "7");
        assert_eq!(config.values["clickhouse.password"].0, "\"…\"");
        assert_eq!((config.raw.service.partitions, config.raw.service.workspace.as_str()), (3, "acme"));
        let origin = |path: &str| config.values[path].1.to_string();
        assert_eq!(origin("service.partitions"), "SMARKETING__SERVICE__PARTITIONS");
        assert_eq!(origin("service.workspace"), "file");
        assert_eq!(origin("collector.listen"), "default");
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text = parse("[service]\npartition = 1\n[kafkaesque]\nbrokers = 1", &[]).unwrap_err().to_string();
        assert!(text.contains("service.partition: no such key") && text.contains("kafkaesque: no such key"), "{text}");
        let file = "[service]\npartitions = 0\n[definitions]\nscope = \"all\"\nmodels = [\"best\"]\n[collector]\nlisten = \"x\"";
        let text = parse(file, &[]).unwrap_err().to_string();
        for path in ["service.partitions", "definitions.scope", "definitions.models[0]", "collector.listen"] {
            assert!(text.contains(path), "{path} in {text}");
        }
    }

    #[test]
    fn own_models_are_checked_like_everything_else() {
        let own = "[[definitions.own_models]]\nid = \"mine\"\n";
        let mine =
            parse(&format!("{own}weights = {{ first = 1, stages = {{ \"Proposal sent\" = 2 }} }}"), &[]).unwrap();
        assert!(mine.rules.models().eq(Raw::default().definitions.models.iter().map(String::as_str).chain(["mine"])));
        let wrong = format!(
            "{own}weights = {{ first = 1, stages = {{ \"\" = 2 }} }}\n{own}like = \"best\"\ncounted = \"most\""
        );
        let text = parse(&wrong, &[]).unwrap_err().to_string();
        for path in ["own_models[0].weights.stages", "own_models[1].id", "own_models[1].like", "own_models[1].counted"]
        {
            assert!(text.contains(&format!("definitions.{path}: \"")), "{path} in {text}");
        }
        for unknown in ["weigths = 1", "weights = { firts = 1 }"] {
            let text = parse(&format!("{own}{unknown}"), &[]).unwrap_err().to_string();
            assert!(text.contains("unknown field `weigths`") || text.contains("unknown field `firts`"), "{text}");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let parsed = |origin: &str| parse(&format!("[collector]\norigins = [\"{origin}\"]"), &[]);
        for good in ["https://acme.test", "http://localhost:8080", "https://[::1]:8443"] {
            assert_eq!(parsed(good).unwrap().raw.collector.origins, [good]);
        }
        for wrong in [
            "acme.test",
            "https://acme.test/",
            "https://Acme.test",
            "https://acme.test:443",
            "ftp://a.test",
            "*",
            "https://a@acme.test",
            "",
        ] {
            let text = parsed(wrong).unwrap_err().to_string();
            assert!(text.contains("collector.origins[0]"), "{wrong}: {text}");
        }
    }

    #[test]
    fn urls_hold_no_passwords() {
        let file = |url: &str| {
            format!(
                "[clickhouse]\nurl = \"{url}\"\n[kafka]\nschema_registry = \"{url}\"\n[kafka.sources.web]\nbrokers = \"b:1\"\n\
                 schema_registry = \"{url}\"\ntopics = {{ views = \"auto\" }}"
            )
        };
        parse(&file("http://host:8123/a@b"), &[]).unwrap();
        for url in ["http://ada:secret@host:8123", "https://ada@host/", "ada:secret@host"] {
            let text = parse(&file(url), &[]).unwrap_err().to_string();
            for said in
                ["clickhouse.url", "clickhouse.password", "kafka.schema_registry", "kafka.sources.web.schema_registry"]
            {
                assert!(text.contains(said), "{said} in {text}");
            }
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_rule_that_never_matches_is_a_warning() {
        let rows = "[[definitions.channels]]\nchannel = \"A\"\nsource = \"*x*\"\n[[definitions.channels]]\nchannel = \"B\"\nsource = \"xy\"";
        assert_eq!(parse(rows, &[]).unwrap().warnings.len(), 1);
    }

    #[test]
    fn a_persona_that_looks_at_what_is_sealed_is_a_warning() {
        let rows = |attribute: &str| {
            format!("[[definitions.personas]]\npersona = \"buyer\"\nattribute = \"{attribute}\"\nmatches = \"*\"")
        };
        assert_eq!(parse(&rows("Job_Title"), &[]).unwrap().warnings, [""; 0]);
        let warned = parse(&rows("budget_owner"), &[]).unwrap().warnings;
        assert!(
            warned.len() == 1 && warned[0].contains("definitions.personas[0] looks at \"budget_owner\""),
            "{warned:?}"
        );
    }

    /// The file that shows every key says the defaults, all of them, and its examples are accepted.
    #[test]
    fn the_shipped_file_says_every_default() {
        let shipped = include_str!("../../../deploy/smarketing.toml");
        let config = parse(shipped, &[]).unwrap();
        assert_eq!(config.raw, Raw::default());
        let unsaid: Vec<_> = config.values.iter().filter(|(_, (_, origin))| *origin != Origin::File).collect();
        assert!(unsaid.is_empty(), "keys it does not show: {unsaid:?}");
        let examples: Vec<_> = shipped.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
        let shown = parse(&examples.join("\n"), &[]).unwrap().raw.definitions;
        assert_eq!((shown.channels.len(), shown.content.len(), shown.own_models.len()), (1, 1, 2));
    }
}
