//! Three brokers and two or three processes, and everything that happens to them in a year, in a few minutes. After each
//! trouble the results are those of an undisturbed import of the same events.

use super::{PARTITIONS, SESSION, Site, must_become, must_work, size};
use crate::home::{Home, Up};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Troubles; each comes over one part of the history.
const PARTS: usize = 6;

/// The parts of the history, and what an import makes of the first, of the first two, and so on.
fn undisturbed() -> (Vec<String>, Vec<Vec<Value>>) {
    let home = Home::peppered().with(&[("SERVICE__PARTITIONS", PARTITIONS)]);
    let generated = home.done(&["generate", "--events", &size().to_string(), "--seed", "6", "--ends", "2026-06-30"]);
    let lines: Vec<&str> = generated.output.lines().collect();
    let parts: Vec<String> = lines.chunks(lines.len().div_ceil(PARTS)).map(|part| part.join("\n") + "\n").collect();
    let results = parts.iter().enumerate().map(|(number, part)| {
        let file = home.file(&format!("part-{number}.jsonl"), part);
        home.done(&["import", "events", file.to_str().unwrap()]);
        home.digests()
    });
    let results = results.collect();
    (parts, results)
}

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What is under test, and what is to come of it.
struct Year {
    site: Site,
    homes: Vec<Home>,
    parts: Vec<String>,
    results: Vec<Vec<Value>>,
    passed: usize,
}

impl Year {
    fn write(&mut self, part: usize, portion: std::ops::Range<usize>) {
        let lines: Vec<&str> = self.parts[part].lines().collect();
        let at = |portion: usize| lines.len() * portion / 100;
        self.site.writer.write(&lines[at(portion.start)..at(portion.end)]);
    }

    /// The results of everything written so far come right.
    fn comes_right(&mut self, trouble: &str) {
        let took = must_become(&self.homes[0], &self.results[self.passed]);
        self.passed += 1;
        println!("{trouble}: right after {took:?}");
    }
}

#[test]
fn whatever_happens_to_three_brokers_the_results_are_the_same() {
    let expected = std::thread::spawn(undisturbed);
    let site = Site::open(3);
    let homes = (0..3).map(|_| site.home()).collect();
    let (parts, results) = expected.join().unwrap();
    let mut year = Year { site, homes, parts, results, passed: 0 };

    let ups = processes_come_and_go(&mut year);
    let ups = brokers_come_and_go(&mut year, ups);
    let ups = topics_grow_while_the_registry_is_away(&mut year, ups);
    let ups = brokers_fall_silent_while_a_process_stops(&mut year, ups);
    for up in ups {
        assert_eq!(up.stop(), Some(0));
    }
    members_keep_their_seats(&mut year, "classic");
    members_keep_their_seats(&mut year, "consumer");
}

/// A storm of rebalances: processes are killed, stopped and started again, faster than the group settles.
fn processes_come_and_go(year: &mut Year) -> Vec<Up> {
    let mut dice = Dice(0x5eed);
    let mut ups: Vec<Option<Up>> = year.homes.iter().map(|home| Some(home.serve("run"))).collect();
    for step in 0..8 {
        year.write(0, step * 100 / 8..(step + 1) * 100 / 8);
        let which = usize::try_from(dice.roll(3)).unwrap();
        match (ups[which].take(), dice.roll(2)) {
            (None, _) => ups[which] = Some(year.homes[which].serve("run")),
            (Some(up), 0) => up.kill(),
            (Some(up), _) => assert_eq!(up.stop(), Some(0)),
        }
        std::thread::sleep(Duration::from_millis(200 + dice.roll(1_000)));
    }
    // The third goes for good, and the others have everything.
    ups[2].take().map(|up| up.stop()).into_iter().for_each(|code| assert_eq!(code, Some(0)));
    ups.truncate(2);
    let back = |(up, home): (Option<Up>, &Home)| up.unwrap_or_else(|| home.serve("run"));
    let ups: Vec<Up> = ups.into_iter().zip(&year.homes).map(back).collect();
    ups.iter().for_each(|up| must_work(up, |owned| owned == 2));
    year.comes_right("processes came and went");
    ups
}

/// Leaders move under load; one replica is down, then one too many.
fn brokers_come_and_go(year: &mut Year, ups: Vec<Up>) -> Vec<Up> {
    year.write(1, 0..30);
    year.site.cluster.broker(0).stop();
    year.write(1, 30..60);
    // Without the second, no message counts any more: everybody waits.
    year.site.cluster.broker(1).kill();
    std::thread::sleep(Duration::from_secs(3));
    year.site.cluster.broker(0).restart();
    year.write(1, 60..100);
    year.site.cluster.broker(1).restart();
    year.comes_right("brokers came and went");
    for up in &ups {
        must_work(up, |owned| owned == 2);
    }
    ups
}

/// New partitions are read, and what names a schema that cannot be had waits for it.
fn topics_grow_while_the_registry_is_away(year: &mut Year, ups: Vec<Up>) -> Vec<Up> {
    year.write(2, 0..30);
    year.site.writer.registry.away(true);
    year.site.writer.renumber();
    year.site.writer.grow(5);
    year.site.writer.poison();
    year.write(2, 30..100);
    std::thread::sleep(Duration::from_secs(2));
    assert_ne!(year.homes[0].digests(), year.results[2], "nothing was waited for");
    year.site.writer.registry.away(false);
    year.comes_right("topics grew");
    ups
}

/// A process that must go does not wait for brokers that are silent, and what it did not finish is not lost.
fn brokers_fall_silent_while_a_process_stops(year: &mut Year, mut ups: Vec<Up>) -> Vec<Up> {
    year.write(3, 0..50);
    year.site.cluster.signal_all("STOP");
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    let code = ups.remove(0).stop();
    let took = started.elapsed();
    year.site.cluster.signal_all("CONT");
    assert_eq!(code, Some(0));
    assert!(took < SESSION, "it took {took:?} to stop");
    year.write(3, 50..100);
    must_work(&ups[0], |owned| owned == 4);
    ups.insert(0, year.homes[0].serve("run"));
    year.comes_right("brokers fell silent");
    ups
}

/// Another group, with this protocol, reads everything again: nothing doubles. A process that is back before its session
/// ends finds the partitions it had, and nobody else's moved.
fn members_keep_their_seats(year: &mut Year, protocol: &str) {
    let seat = |(home, name): (Home, &str)| {
        home.with(&[
            ("KAFKA__GROUP", &format!("{protocol}-seats")),
            ("KAFKA__INSTANCE", name),
            ("KAFKA__SESSION_TIMEOUT_MS", "20000"),
            ("KAFKA__PROPERTIES__GROUP_PROTOCOL", protocol),
        ])
    };
    year.homes = std::mem::take(&mut year.homes).into_iter().zip(["a", "b", "c"]).map(seat).collect();
    let first = year.homes[0].serve("run");
    let second = year.homes[1].serve("run");
    must_work(&first, |owned| owned == 2);
    must_work(&second, |owned| owned == 2);
    let (had, others) = (owned(&first), owned(&second));
    assert_eq!(first.stop(), Some(0));
    let home = &year.homes[0];
    let first = std::thread::scope(|scope| {
        let back = scope.spawn(|| home.serve("run"));
        while !back.is_finished() {
            assert_eq!(owned(&second), others);
            std::thread::sleep(Duration::from_millis(50));
        }
        back.join().unwrap()
    });
    must_work(&first, |owned| owned == 2);
    assert_eq!((owned(&first), owned(&second)), (had, others));
    year.write(year.passed, 0..100);
    year.comes_right(protocol);
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
}

/// The partitions a process works.
fn owned(up: &Up) -> Vec<usize> {
    let status = up.get("/v1/status");
    let lanes = status["partitions"].as_array().unwrap();
    (0..lanes.len()).filter(|lane| lanes[*lane]["owned"] == true).collect()
}
