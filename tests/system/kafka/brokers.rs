//! Three brokers and two or three processes, and everything that happens to them in a year, in a few minutes. After each
//! trouble the results are those of an undisturbed import of the same events, and the counts add up.

use super::{SESSION, Site, must_become, must_work, patience, told, undisturbed};
use crate::home::{Home, Up};
use crate::registry::Mood;
use serde_json::Value;
use std::fs::File;
use std::time::{Duration, Instant};

/// Troubles; each comes over one part of the history.
const PARTS: usize = 7;

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

    /// The results of everything written so far come right, and every event counts once.
    fn comes_right(&mut self, trouble: &str, ups: &[Up]) {
        assert_eq!(self.site.writer.kept(), self.site.writer.written, "the test wrote something else than it thinks");
        let took = must_become(&self.homes[0], &self.results[self.passed]);
        self.passed += 1;
        let expected = [self.site.writer.written, 0];
        let started = Instant::now();
        while ["applied", "rejected"].map(|outcome| records(ups, outcome)) != expected {
            let found: Vec<Value> = ups.iter().map(Up::status).collect();
            assert!(started.elapsed() < patience(), "{trouble}: {expected:?} expected in {found:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("{trouble}: right after {took:?}, {} read again", records(ups, "duplicates"));
    }

    /// Every process is told something more from its next start on.
    fn tell(&mut self, settings: impl Fn(&'static str) -> Vec<(&'static str, &'static str)>) {
        let homes = std::mem::take(&mut self.homes).into_iter().zip(["a", "b", "c"]);
        self.homes = homes.map(|(home, name)| home.with(&settings(name))).collect();
    }
}

/// Records with this outcome, over all processes.
fn records(ups: &[Up], outcome: &str) -> usize {
    ups.iter().map(|up| told(up, outcome)).sum()
}

/// The partitions of the journal a process works.
fn owned(up: &Up) -> Vec<usize> {
    let status = up.get("/v1/status");
    let lanes = status["partitions"].as_array().unwrap();
    (0..lanes.len()).filter(|lane| lanes[*lane]["owned"] == true).collect()
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
    let ups = topics_grow(&mut year, ups);
    let ups = the_registry_is_away(&mut year, ups);
    let ups = brokers_fall_silent_while_all_stop(&mut year, ups);
    let ups = members_of_the_newer_protocol_come_and_go(&mut year, ups);
    members_keep_their_seats(&mut year, ups);
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
    year.comes_right("processes came and went", &ups);
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
    ups.iter().for_each(|up| must_work(up, |owned| owned == 2));
    year.comes_right("brokers came and went", &ups);
    ups
}

/// New partitions are found and read from their beginning.
fn topics_grow(year: &mut Year, ups: Vec<Up>) -> Vec<Up> {
    year.write(2, 0..20);
    year.site.writer.grow(5);
    year.write(2, 20..100);
    year.comes_right("topics grew", &ups);
    ups
}

/// What names a schema that cannot be had waits for it, however the registry fails, and the registry is not stormed.
fn the_registry_is_away(year: &mut Year, ups: Vec<Up>) -> Vec<Up> {
    let asked = year.site.writer.registry.calls();
    year.site.writer.evolve();
    year.site.writer.registry.be(Mood::IsSilent);
    year.write(3, 0..100);
    // Longer than anybody waits for one answer.
    std::thread::sleep(Duration::from_secs(11));
    for mood in [Mood::HangsUp, Mood::Fails, Mood::IsNotThere] {
        year.site.writer.registry.be(mood);
        std::thread::sleep(Duration::from_millis(1_500));
    }
    assert_ne!(year.homes[0].digests(), year.results[3], "nothing was waited for");
    // Both ask after 0.2, 0.4, 0.8, 1.6 and 3.2 seconds, and the silence is one question.
    let asked = year.site.writer.registry.calls() - asked;
    assert!((4..=14).contains(&asked), "asked {asked} times");
    year.site.writer.registry.be(Mood::Well);
    year.comes_right("the registry was away", &ups);
    ups
}

/// Processes that must go do not wait for brokers that are silent. They say what they leave, and it is not lost.
fn brokers_fall_silent_while_all_stop(year: &mut Year, ups: Vec<Up>) -> Vec<Up> {
    for up in ups {
        assert_eq!(up.stop(), Some(0));
    }
    let said = year.homes[0].file("said", "");
    let loud = |home: &Home| {
        let mut command = home.command(&["run"]);
        command.stderr(File::options().append(true).open(&said).unwrap());
        home.up_with(command)
    };
    let ups: Vec<Up> = year.homes[..2].iter().map(loud).collect();
    ups.iter().for_each(|up| must_work(up, |owned| owned == 2));
    year.write(4, 0..50);
    year.site.cluster.signal_all("STOP");
    std::thread::sleep(Duration::from_millis(300));
    // Whoever watches them is answered meanwhile.
    std::thread::scope(|scope| {
        for (up, path) in ups.iter().flat_map(|up| ["/metrics", "/v1/status", "/metrics"].map(|path| (up, path))) {
            scope.spawn(move || assert_eq!(up.ask(path).0, 200, "{path}"));
        }
    });
    ups.iter().for_each(|up| assert_eq!(up.get("/healthz")["state"], "alive"));
    let started = Instant::now();
    ups.iter().for_each(|up| up.signal("TERM"));
    let codes: Vec<_> = ups.into_iter().map(Up::stop).collect();
    let took = started.elapsed();
    year.site.cluster.signal_all("CONT");
    let said = std::fs::read_to_string(said).unwrap();
    println!("brokers fell silent: gone after {took:?}");
    assert_eq!(codes, [Some(0), Some(0)], "{said}");
    assert!(took < SESSION, "it took {took:?} to stop: {said}");
    let left = ["what was read last is read again", "left in the middle"];
    assert!(left.iter().any(|words| said.contains(words)), "{said}");
    let ups: Vec<Up> = year.homes[..2].iter().map(|home| home.serve("run")).collect();
    year.write(4, 50..100);
    ups.iter().for_each(|up| must_work(up, |owned| owned == 2));
    year.comes_right("brokers fell silent", &ups);
    ups
}

/// One process after the other changes to the newer protocol of groups; with it they come and go as before.
fn members_of_the_newer_protocol_come_and_go(year: &mut Year, mut ups: Vec<Up>) -> Vec<Up> {
    year.tell(|_| vec![("KAFKA__PROPERTIES__GROUP_PROTOCOL", "consumer")]);
    year.write(5, 0..20);
    for home in &year.homes[..2] {
        assert_eq!(ups.remove(0).stop(), Some(0));
        ups.push(home.serve("run"));
    }
    year.write(5, 20..40);
    ups.push(year.homes[2].serve("run"));
    year.write(5, 40..60);
    ups.remove(0).kill();
    year.write(5, 60..80);
    ups.insert(0, year.homes[0].serve("run"));
    year.write(5, 80..100);
    assert_eq!(ups.remove(2).stop(), Some(0));
    ups.iter().for_each(|up| must_work(up, |owned| owned == 2));
    year.comes_right("members of the newer protocol came and went", &ups);
    ups
}

/// A process that is back before its session ends finds what it had, and nobody else's partitions move.
fn members_keep_their_seats(year: &mut Year, ups: Vec<Up>) {
    for up in ups {
        assert_eq!(up.stop(), Some(0));
    }
    year.tell(|name| {
        let session = ("KAFKA__SESSION_TIMEOUT_MS", "30000");
        vec![("KAFKA__PROPERTIES__GROUP_PROTOCOL", "classic"), session, ("KAFKA__INSTANCE", name)]
    });
    let mut ups: Vec<Up> = year.homes[..2].iter().map(|home| home.serve("run")).collect();
    ups.iter().for_each(|up| must_work(up, |owned| owned == 2));
    year.write(6, 0..50);
    let (had, others) = (owned(&ups[0]), owned(&ups[1]));
    let home = &year.homes[0];
    let first = ups.remove(0);
    let back = std::thread::scope(|scope| {
        let back = scope.spawn(|| {
            assert_eq!(first.stop(), Some(0));
            let back = home.serve("run");
            must_work(&back, |owned| owned == 2);
            back
        });
        while !back.is_finished() {
            assert_eq!(owned(&ups[0]), others);
            std::thread::sleep(Duration::from_millis(50));
        }
        back.join().unwrap()
    });
    ups.insert(0, back);
    assert_eq!((owned(&ups[0]), owned(&ups[1])), (had, others));
    year.write(6, 50..100);
    year.comes_right("members kept their seats", &ups);
    for up in ups {
        assert_eq!(up.stop(), Some(0));
    }
}
