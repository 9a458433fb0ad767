//! What dbt is told of who reads the views is what they read.

use crate::dashboards::questions;
use std::collections::{BTreeMap, BTreeSet};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

fn text(path: &str) -> String {
    let path = format!("{DEPLOY}/{path}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What follows each `before` in `text`, up to `end`.
fn between<'a>(text: &'a str, before: &str, end: &str) -> BTreeSet<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split_once(end)).map(|(found, _)| found).collect()
}

/// The views of each exposure, by the file of ours that its description names.
fn exposed(exposures: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let each = exposures.split("\n  - name: ").skip(1);
    each.map(|exposure| {
        let named = between(exposure, ", deploy/", ":");
        let file = named.first().unwrap_or_else(|| panic!("names no file of ours: {exposure}"));
        let views = between(exposure, "source('smarketing', '", "')");
        assert_eq!(views.len(), exposure.matches("source(").count(), "not a source of ours, or twice: {exposure}");
        (*file, views)
    })
    .collect()
}

/// The tables a question reads: the words after FROM and JOIN that are not a question of its own.
fn read(sql: &str) -> BTreeSet<&str> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let tables = words.windows(2).filter(|pair| matches!(pair[0], "FROM" | "JOIN"));
    tables.map(|pair| pair[1].trim_end_matches([')', ','])).filter(|table| !table.starts_with('(')).collect()
}

/// What the conversion watch reads of the views, and what it writes.
const WATCH: [&str; 3] = [
    include_str!("../../src/report/watch_cohorts.sql"),
    include_str!("../../src/report/watch_heard.sql"),
    "$views.conversion_watch\n",
];

#[test]
fn exposures_depend_on_what_the_dashboards_and_the_alert_read() {
    let (exposures, questions) = (text("dbt/models/exposures.yml"), questions());
    let mut expected = BTreeMap::<String, BTreeSet<&str>>::new();
    for question in &questions {
        expected.entry(format!("grafana/{}", question.file)).or_default().extend(read(&question.sql));
    }
    let watch = WATCH.iter().flat_map(|sql| between(sql, "$views.", "\n"));
    expected.insert("prometheus/rules.yml".to_owned(), watch.collect());
    let expected: BTreeMap<&str, _> = expected.iter().map(|(file, views)| (file.as_str(), views.clone())).collect();
    assert_eq!(exposed(&exposures), expected);
}

#[test]
fn exposures_name_sources_and_alerts_there_are() {
    let (sources, exposures) = (text("dbt/models/sources.yml"), text("dbt/models/exposures.yml"));
    let views = between(&sources, "\n      - name: ", "\n");
    for (file, read) in exposed(&exposures) {
        assert!(!read.is_empty() && read.is_subset(&views), "{file}: {read:?}");
    }
    let rules = text("prometheus/rules.yml");
    let alerts: Vec<&str> = exposures.split("\n\n").filter(|text| text.contains("type: application")).collect();
    assert_eq!(alerts.len(), 1);
    let labels = between(alerts[0], "label: ", "\n");
    assert!(labels.iter().all(|alert| rules.contains(&format!("alert: {alert}\n"))), "no alert: {labels:?}");
    assert_eq!(sources.matches('{').count(), 2, "dbt takes braces in a description for a template");
}
