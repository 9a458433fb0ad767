//! The settings in the files that deploy the product, read by the loader: each key is known, each value is taken.

use crate::config::{Config, Origin, PREFIX};

const COMPOSE: &str = include_str!("../../../../../docker-compose.yml");
const IMAGE: &str = include_str!("../../../../../deploy/Dockerfile");
const MANIFESTS: &str = include_str!("../../../../../deploy/kubernetes/smarketing.yaml");

/// Names that begin with our prefix, and what follows `between` on their line; values that come from elsewhere are words.
fn environment(file: &str, between: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in file.lines() {
        let Some(at) = line.find(PREFIX) else { continue };
        let (name, value) = line[at..].split_once(between).unwrap_or_else(|| (&line[at..], "a-secret"));
        let value = value.trim_end_matches([' ', '}']).trim_matches('"');
        let value = if value.starts_with("${") { "a-secret" } else { value };
        found.push((name.to_owned(), value.to_owned()));
    }
    found
}

fn loaded(file: &str, environment: Vec<(String, String)>) -> Config {
    Config::parse(file, environment.into_iter()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn compose_sets_keys_that_there_are() {
    let set = environment(COMPOSE, ": ");
    assert!(set.len() >= 11, "{set:?}");
    let config = loaded("", set.into_iter().chain(environment(IMAGE, "=")).collect());
    assert_eq!(config.raw.service.partitions, 4);
    assert_eq!(config.raw.kafka.brokers, "kafka:9092");
    assert_eq!(config.raw.clickhouse.password, "a-secret");
    assert_eq!(config.listen.to_string(), "0.0.0.0:7070");
}

#[test]
fn the_manifests_hold_a_configuration() {
    let (_, block) = MANIFESTS.split_once("  smarketing.toml: |\n").unwrap();
    let inside = block.lines().take_while(|line| line.starts_with("    ") || line.is_empty());
    let file: Vec<&str> = inside.map(|line| line.trim_start()).collect();
    let set = environment(MANIFESTS, ": ");
    assert!(set.len() >= 3, "{set:?}");
    let config = loaded(&file.join("\n"), set);
    assert_eq!(config.raw.service.partitions, 16);
    assert_eq!(config.raw.privacy.pepper_file, "/secrets/pepper");
    assert_eq!(config.raw.kafka.properties["sasl_password"], "a-secret");
    assert_eq!(config.values["clickhouse.url"].1, Origin::File);
}
