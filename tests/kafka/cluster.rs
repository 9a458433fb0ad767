//! A real Apache Kafka for tests: one to three brokers in KRaft mode, on free ports, in a directory of their own.
//!
//! Needs java (17 or newer) and the jars that `scripts/kafka` fetches; without them the tests fail and say so. A broker
//! dies with the test process, however that ends: it hangs on a pipe.

#[path = "doors.rs"]
pub(crate) mod doors;

use super::ports;
use doors::Doors;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a broker may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Every cluster of the tests has the same id: they never meet.
const CLUSTER_ID: &str = "c21hcmtldGluZy10ZXN0cw";

/// Brokers that know each other.
pub(crate) struct Cluster {
    brokers: Vec<Broker>,
    doors: Option<Doors>,
    _folder: TempDir,
}

/// One broker, which is also a controller.
pub(crate) struct Broker {
    port: u16,
    folder: PathBuf,
    running: Option<Child>,
}

impl Cluster {
    /// Formats and starts `count` brokers, as anybody may use them.
    #[allow(dead_code)]
    pub(crate) fn start(count: usize) -> Self {
        Self::build(count, |_| None)
    }

    /// A broker that also has doors only some may pass.
    #[allow(dead_code)]
    pub(crate) fn guarded() -> Self {
        Self::build(1, |folder| Some(Doors::make(folder, &[(); 3].map(|()| ports::free()))))
    }

    fn build(count: usize, doors: impl FnOnce(&Path) -> Option<Doors>) -> Self {
        let folder = TempDir::new().unwrap();
        let doors = doors(folder.path());
        let (clients, controllers): (Vec<_>, Vec<_>) = (0..count).map(|_| (ports::free(), ports::free())).unzip();
        let brokers = (0..count).map(|index| {
            let home = folder.path().join(format!("broker-{index}"));
            std::fs::create_dir_all(&home).unwrap();
            let mut settings = properties(index, &clients, &controllers, &home);
            settings.extend(doors.iter().flat_map(Doors::settings));
            std::fs::write(home.join("server.properties"), file(&settings)).unwrap();
            Broker { port: clients[index], folder: home, running: None }
        });
        let mut cluster = Self { brokers: brokers.collect(), doors, _folder: folder };
        let users = cluster.doors.as_ref().map(Doors::users).unwrap_or_default();
        for broker in &mut cluster.brokers {
            broker.format(&users);
            broker.launch();
        }
        cluster.brokers.iter().for_each(Broker::wait);
        cluster
    }

    /// Where clients find it.
    #[allow(dead_code)]
    pub(crate) fn brokers(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.port)).collect();
        addresses.join(",")
    }

    /// The doors of [`Cluster::guarded`].
    #[allow(dead_code)]
    pub(crate) fn doors(&self) -> &Doors {
        self.doors.as_ref().unwrap()
    }

    /// Sends a signal to all: STOP makes them silent without hanging up, CONT lets them go on.
    #[allow(dead_code)]
    pub(crate) fn signal_all(&self, signal: &str) {
        self.brokers.iter().for_each(|broker| broker.signal(signal));
    }

    /// One of its brokers.
    #[allow(dead_code)]
    pub(crate) fn broker(&mut self, index: usize) -> &mut Broker {
        &mut self.brokers[index]
    }
}

impl Broker {
    fn format(&self, users: &[String]) {
        let output = java(&self.folder)
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", "server.properties"])
            .args(users.iter().flat_map(|user| ["--add-scram", user]))
            .output()
            .expect("java is needed: install a JRE of version 17 or newer");
        assert!(output.status.success(), "kafka did not format: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn launch(&mut self) {
        let mut broker = java(&self.folder);
        broker.args(["kafka.Kafka", "server.properties"]);
        self.running = Some(tethered(&broker, &self.folder));
    }

    fn wait(&self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let said = || std::fs::read_to_string(self.folder.join("out.log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the broker did not come up: {}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts it again on its old data.
    #[allow(dead_code)]
    pub(crate) fn restart(&mut self) {
        assert!(self.running.is_none(), "the broker runs");
        self.launch();
        self.wait();
    }

    /// Stops it as an operator does.
    #[allow(dead_code)]
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        self.gone();
    }

    /// Kills it as a power cut does.
    #[allow(dead_code)]
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.gone();
    }

    /// Its process.
    #[allow(dead_code)]
    pub(crate) fn pid(&self) -> u32 {
        std::fs::read_to_string(self.folder.join("pid")).unwrap().trim().parse().unwrap()
    }

    #[allow(dead_code)]
    fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    #[allow(dead_code)]
    fn gone(&mut self) {
        let mut running = self.running.take().unwrap();
        running.wait().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.stdin.take());
            let _gone = running.wait();
        }
    }
}

/// Starts a program that is killed when whoever reads this ends, however it ends: it hangs on a pipe. What it says is in
/// `out.log` of its folder, its process in `pid`.
pub(crate) fn tethered(program: &Command, folder: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("out.log")).unwrap();
    // The shell reads from a pipe that nobody writes to: at its end, the program is killed.
    let script = "\"$@\" & echo $! > pid; (read -r nothing; kill -9 $! 2>/dev/null) <&3 & wait %1; kill %2 2>/dev/null";
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("exec 3<&0; {script}"), "tethered"]).arg(program.get_program()).args(program.get_args());
    shell.current_dir(folder).stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
    shell.spawn().unwrap()
}

/// java with the jars and little memory.
fn java(folder: &Path) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    java.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
    java.arg(fetched().join("jars").join("*")).current_dir(folder).stdin(Stdio::null());
    java
}

/// Where the jars are, and the registry.
pub(crate) fn fetched() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "no Kafka: {}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A broker's settings; a later one with the same name adds to it, after a comma.
fn properties(index: usize, clients: &[u16], controllers: &[u16], home: &Path) -> Vec<(String, String)> {
    let voters = controllers.iter().enumerate().map(|(at, port)| format!("{}@127.0.0.1:{port}", at + 1));
    let voters: Vec<_> = voters.collect();
    let copies = clients.len().min(3).to_string();
    let listeners = format!("PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}", clients[index], controllers[index]);
    let data = home.join("data").display().to_string();
    let settings = [
        ("process.roles", "broker,controller"),
        ("node.id", &(index + 1).to_string()),
        ("controller.quorum.voters", &voters.join(",")),
        ("listeners", &listeners),
        ("controller.listener.names", "CONTROLLER"),
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
        ("log.dirs", &data),
        ("offsets.topic.replication.factor", &copies),
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.replication.factor", &copies),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "2"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "1000"),
        // With the newer protocol of groups the broker has the times.
        ("group.consumer.min.session.timeout.ms", "1000"),
        ("group.consumer.session.timeout.ms", "6000"),
        ("group.consumer.min.heartbeat.interval.ms", "100"),
        ("group.consumer.heartbeat.interval.ms", "500"),
        ("auto.create.topics.enable", "false"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn file(settings: &[(String, String)]) -> String {
    let mut merged: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in settings {
        let all = merged.entry(name).or_default();
        let comma = if all.is_empty() { "" } else { "," };
        write!(all, "{comma}{value}").unwrap();
    }
    merged.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}
