//! Three brokers and two or three processes that come and go. After each trouble the results are those of an undisturbed
//! import of the same events.

use super::{Site, must_become, must_work, undisturbed};
use crate::home::{Home, Up};
use serde_json::Value;
use std::time::Duration;

/// Troubles; each comes over one part of the history.
const PARTS: usize = 2;

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
    let expected = std::thread::spawn(|| undisturbed("6", PARTS));
    let site = Site::open(3);
    let homes = (0..3).map(|_| site.home()).collect();
    let (parts, results) = expected.join().unwrap();
    let mut year = Year { site, homes, parts, results, passed: 0 };

    let ups = processes_come_and_go(&mut year);
    let ups = brokers_come_and_go(&mut year, ups);
    for up in ups {
        assert_eq!(up.stop(), Some(0));
    }
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
