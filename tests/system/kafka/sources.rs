//! Raw topics in two clusters: the web site's are in one of their own, under the names that the other has, too.

use super::writer::{POISON, Writer};
use super::{Site, must_become, must_say, undisturbed};
use crate::cluster::Cluster;

/// The lines of the web site, and all others.
fn divided(part: &str) -> (Vec<&str>, Vec<&str>) {
    part.lines().partition(|line| ["page_viewed", "form_submitted"].iter().any(|event| line.contains(event)))
}

#[test]
fn raw_topics_of_two_clusters_are_one_history() {
    let (parts, results) = undisturbed("7", 2);
    let mut site = Site::open(1);
    let mut web = Cluster::start(1);
    let mut visits = Writer::new(&web.brokers(), 1);
    let home = site.home().with(&[
        ("KAFKA__SOURCES__WEB__BROKERS", &web.brokers()),
        ("KAFKA__SOURCES__WEB__SCHEMA_REGISTRY", &visits.registry.url),
        ("KAFKA__SOURCES__WEB__TOPICS__PAGE-VIEWS", "auto"),
        ("KAFKA__SOURCES__WEB__TOPICS__FORM-FILLS", "auto"),
    ]);
    let (viewed, sold) = divided(&parts[0]);
    visits.write(&viewed);
    site.writer.write(&sold);
    let up = home.serve("run");
    must_become(&home, &results[0]);
    home.done(&["check"]);

    // The site's cluster is away: the other's events are not held up.
    web.broker(0).kill();
    let (viewed, sold) = divided(&parts[1]);
    site.writer.write(&sold);
    must_say(&up, &["applied"], site.writer.written + visits.written);
    let found = home.run(&["check"]);
    assert!(found.code == 3 && found.errors.contains("kafka.sources.web"), "{}", found.errors);
    web.broker(0).restart();
    visits.write(&viewed);
    visits.poison();
    must_become(&home, &results[1]);

    // Nothing of one is taken for something of the other, before and after a restart, and dead letters are in one place.
    // The topic of control events is nobody's in that cluster.
    let poison: u64 =
        POISON.iter().filter(|(reason, _)| reason.starts_with("invalid")).map(|(_, records)| records).sum();
    must_say(&up, &["rejected"], usize::try_from(poison).unwrap());
    assert_eq!(up.stop(), Some(0));
    let up = home.serve("run");
    must_say(&up, &["applied"], site.writer.written + visits.written);
    must_become(&home, &results[1]);
    assert_eq!(site.writer.dead_letters(), poison);
    home.audited();
    assert_eq!(up.stop(), Some(0));
}
