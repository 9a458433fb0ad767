//! Every file that deploys the product, read by what will read it there: Docker Compose, the schemas of Kubernetes, the
//! parser of Dockerfiles, Prometheus, Alertmanager, a shell.
//!
//! Needs what `scripts/setup test` installs; without it the tests fail and say so. The settings in these files are
//! read by the real loader (crates/app), grants and cluster by the real engine (crates/warehouse), the dashboards' SQL too.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The files of deploy/ by who reads them in a test: here, or in the room that is named.
const READ: &[(&str, &str)] = &[
    ("Dockerfile", "hadolint"),
    ("README.md", "engine: the table of metrics; tidy: what it names is there"),
    ("alertmanager/alertmanager.yml", "amtool"),
    ("clickhouse/cluster.xml", "warehouse: cluster"),
    ("clickhouse/cluster_grants.sql", "warehouse: grants"),
    ("clickhouse/grants.sql", "warehouse: grants"),
    ("clickhouse/users.sh", "bash; warehouse: grants"),
    ("compose.env", "compose"),
    ("dbt/", "warehouse: dbt"),
    ("grafana/marketing.json", "warehouse: dashboards"),
    ("grafana/operations.json", "warehouse: dashboards"),
    ("grafana/sales.json", "warehouse: dashboards"),
    ("grafana/provisioning/datasources/prometheus.yml", "sources"),
    ("kubernetes/smarketing.yaml", "kubernetes; app: config"),
    ("prometheus/compose.yml", "promtool"),
    ("prometheus/prometheus.yml", "promtool"),
    ("prometheus/rules.yml", "promtool"),
    ("prometheus/rules_test.yml", "app: system tests"),
    ("smarketing.toml", "app: config"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program of scripts/test-linters.
fn linter(name: &str) -> Command {
    let cache = std::env::var_os("SMARKETING_CACHE").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/smarketing"));
    let program = cache.join("linters/bin").join(name);
    assert!(program.exists(), "{} is missing: run `scripts/test-linters`", program.display());
    program_of(&program)
}

fn program_of(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

fn run(mut command: Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `scripts/setup test` installs it"))
}

/// Runs and expects success; what it wrote.
fn done(command: Command) -> String {
    let shown = format!("{command:?}");
    let ran = run(command);
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    let output = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{shown}: {output}{errors}");
    output
}

#[test]
fn every_file_is_read_by_a_test() {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "deploy"]);
    git.current_dir(root());
    let listed = done(git);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("deploy/")).collect();
    let reads = |known: &str, name: &str| known == name || (known.ends_with('/') && name.starts_with(known));
    let unread: Vec<_> = names.iter().filter(|name| !READ.iter().any(|(known, _)| reads(known, name))).collect();
    let absent: Vec<_> = READ.iter().filter(|(known, _)| !names.iter().any(|name| reads(known, name))).collect();
    assert!(
        names.len() > 10 && unread.is_empty() && absent.is_empty(),
        "nobody reads {unread:?}; not there {absent:?}"
    );
}

/// Docker Compose on our file, with the variables of compose.env set to `passwords`.
fn compose(passwords: &str) -> Command {
    let file = std::fs::read_to_string(root().join("deploy/compose.env")).unwrap();
    let variables = file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let mut compose = linter("docker-compose");
    // A developer's own .env must not decide.
    compose.args(["--env-file", "/dev/null", "--file", "docker-compose.yml", "config", "--format", "json"]);
    for (name, value) in variables {
        assert_eq!(value, "", "{name} has a password that everybody knows");
        compose.env(name, passwords);
    }
    compose
}

#[test]
fn compose_takes_the_configuration() {
    let config: Value = serde_json::from_str(&done(compose("secret"))).unwrap();
    let services = config["services"].as_object().unwrap();
    assert!(services.len() >= 9, "{:?}", services.keys());
    for (name, service) in services {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name} is reachable from outside: {port}");
        }
        // The image of the service brings its own health check; the one that makes the topics ends.
        let healthy = service["healthcheck"].is_object() || service["build"].is_object() || service["restart"] == "no";
        assert!(healthy, "{name} has no health check");
        for volume in service["volumes"].as_array().into_iter().flatten().filter(|volume| volume["type"] == "bind") {
            assert!(
                Path::new(volume["source"].as_str().unwrap()).exists(),
                "{name} mounts what is not there: {volume}"
            );
        }
    }
}

#[test]
fn compose_starts_nothing_without_passwords() {
    let ran = run(compose(""));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && said.contains("PASSWORD"), "{said}");
}

/// The manifests of a file against the schemas of Kubernetes, unknown keys refused.
fn manifests(path: &Path) -> Output {
    let mut validate = linter("kubernetes-validate");
    validate.arg("--strict").arg(path);
    run(validate)
}

#[test]
fn the_manifests_fit_the_schemas_of_kubernetes() {
    let path = root().join("deploy/kubernetes/smarketing.yaml");
    let ran = manifests(&path);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.matches("passed").count() >= 6, "{said}");

    let broken = std::fs::read_to_string(&path).unwrap().replace("maxUnavailable", "maxAvailable");
    let planted = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted.yaml");
    std::fs::write(&planted, broken).unwrap();
    assert!(!manifests(&planted).status.success(), "a key that is none was not found");
}

#[test]
fn the_dockerfile_has_no_findings() {
    let mut hadolint = linter("hadolint");
    hadolint.args(["--no-color", "deploy/Dockerfile"]);
    done(hadolint);
}

#[test]
fn prometheus_alertmanager_and_the_shell_take_their_files() {
    let check = |program: &str, arguments: &[&str]| {
        let mut command = program_of(Path::new(program));
        command.args(arguments);
        done(command)
    };
    for file in ["prometheus", "compose"] {
        check("promtool", &["check", "config", &format!("deploy/prometheus/{file}.yml")]);
    }
    check("promtool", &["check", "rules", "deploy/prometheus/rules.yml"]);
    check("amtool", &["check-config", "deploy/alertmanager/alertmanager.yml"]);
    check("bash", &["-n", "deploy/clickhouse/users.sh"]);
    let sources = "deploy/grafana/provisioning/datasources/prometheus.yml";
    let parse = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let mut python = linter("python");
    python.args(["-c", parse, sources]);
    let sources: Value = serde_json::from_str(&done(python)).unwrap();
    assert_eq!((&sources["apiVersion"], &sources["datasources"][0]["type"]), (&1.into(), &"prometheus".into()));
}
