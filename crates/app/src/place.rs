//! The data directory: what lies where, and who has it open.
//!
//! ```text
//! layout.json    format, partitions, generation, and the logic and definitions everything was decided with
//! pepper         the secret behind lead ids (readable by its owner only)
//! journal/       everything that was accepted, in order
//! store/g<n>/    subjects and positions of generation n
//! snapshots/g<n>/ copies of the store of generation n
//! vault/         the keys of persons
//! clickhouse/    the embedded engine
//! service.json   the running service: its URLs, and a token that only its owner can read
//! ```

use crate::config::Config;
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use smarketing_engine::Pepper;
use smarketing_kernel::LOGIC;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What a directory was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) format: u32,
    pub(crate) partitions: u32,
    pub(crate) generation: u32,
    /// The definitions of this generation, as JSON.
    pub(crate) definitions: String,
    /// The kernel's logic that built this generation.
    #[serde(default)]
    pub(crate) logic: u32,
    /// The release that built this generation, for people.
    #[serde(default)]
    pub(crate) release: String,
    /// What tells its pepper from others; empty where an earlier release made the directory.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) pepper: String,
    /// The topic of the journal; empty for a journal in the directory itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) journal: String,
}

/// The running service, as other processes find it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    /// The HTTP interface of the embedded ClickHouse; anybody on this machine may read.
    pub(crate) clickhouse: String,
    /// The collector.
    pub(crate) collector: String,
    /// Opens the collector's administrative paths.
    pub(crate) token: String,
}

impl Layout {
    /// What this program makes of a directory of `partitions` partitions.
    pub(crate) fn of_generation(generation: u32, partitions: u32, config: &Config) -> anyhow::Result<Self> {
        let release = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self {
            format: FORMAT,
            partitions,
            generation,
            definitions: definitions(config)?,
            logic: LOGIC,
            release,
            pepper: String::new(),
            journal: String::new(),
        })
    }

    /// Whose directory it is, in words.
    pub(crate) fn owner(&self) -> String {
        match self.journal.as_str() {
            "" => "`smarketing up` on this machine".to_owned(),
            topic => format!("a process of `smarketing run` on the topic \"{topic}\""),
        }
    }

    /// Why the generation is not what this program would build, if so.
    pub(crate) fn outdated(&self, config: &Config) -> anyhow::Result<Option<String>> {
        let Self { generation, logic, release, .. } = self;
        if *logic != LOGIC {
            let release = if release.is_empty() { "an earlier release" } else { release };
            return Ok(Some(format!(
                "generation {generation} of this data directory was built by {release} with logic {logic}, \
                 this program has logic {LOGIC}"
            )));
        }
        let changed = self.definitions != definitions(config)?;
        Ok(changed.then(|| {
            format!(
                "the definitions have changed since generation {generation} of this data directory was built \
                (or take the change back)"
            )
        }))
    }
}

/// The format of this program's data directories.
const FORMAT: u32 = 1;

/// A data directory.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn store(&self, generation: u32) -> PathBuf {
        self.root.join("store").join(format!("g{generation}"))
    }

    pub(crate) fn snapshots(&self, generation: u32) -> PathBuf {
        self.root.join("snapshots").join(format!("g{generation}"))
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.root.join("vault")
    }

    pub(crate) fn clickhouse(&self) -> PathBuf {
        self.root.join("clickhouse")
    }

    /// What takes room on the disk, with its name.
    pub(crate) fn stores(&self) -> [(&'static str, PathBuf); 4] {
        let store = ("store", self.root.join("store"));
        [("journal", self.journal()), store, ("vault", self.vault()), ("clickhouse", self.clickhouse())]
    }

    fn service(&self) -> PathBuf {
        self.root.join("service.json")
    }

    /// Makes the directory if it is not there.
    pub(crate) fn create(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.root)
            .with_context(|| format!("could not create the data directory \"{}\"", self.root.display()))
    }

    /// The layout, if the directory has one.
    pub(crate) fn layout(&self) -> anyhow::Result<Option<Layout>> {
        let path = self.root.join("layout.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => bail!("could not read \"{}\": {error}", path.display()),
        };
        let layout: Layout =
            serde_json::from_str(&text).with_context(|| format!("\"{}\" is damaged", path.display()))?;
        if layout.format != FORMAT {
            bail!(
                "the data directory \"{}\" has format {}, this program reads {FORMAT}: open it with release {} that wrote it",
                self.root.display(),
                layout.format,
                layout.release
            );
        }
        Ok(Some(layout))
    }

    /// The layout; a new one, after the configuration, if there is none.
    pub(crate) fn layout_or_new(&self, config: &Config) -> anyhow::Result<Layout> {
        if let Some(layout) = self.layout()? {
            return Ok(layout);
        }
        let mut layout = Layout::of_generation(1, config.raw.service.partitions, config)?;
        layout.pepper = config.pepper_or_new(self)?.digest();
        self.save(&layout)?;
        Ok(layout)
    }

    /// The layout of a directory that this program, as it is configured, may go on with.
    pub(crate) fn current(&self, config: &Config) -> anyhow::Result<Layout> {
        let layout = self.layout()?.with_context(|| format!("there is no data in \"{}\"", self.root.display()))?;
        match layout.outdated(config)? {
            Some(why) => bail!("{why}; rebuild it from the journal with `smarketing replay`"),
            None => Ok(layout),
        }
    }

    pub(crate) fn save(&self, layout: &Layout) -> anyhow::Result<()> {
        write_whole(&self.root.join("layout.json"), serde_json::to_string_pretty(layout)?.as_bytes(), 0o644)
    }

    /// Where its own pepper lies.
    pub(crate) fn pepper_file(&self) -> PathBuf {
        self.root.join("pepper")
    }

    /// Its own pepper, if it has one.
    pub(crate) fn pepper(&self) -> anyhow::Result<Option<Pepper>> {
        let path = self.pepper_file();
        match fs::read(&path) {
            Ok(bytes) => match bytes.as_slice().try_into() {
                Ok(pepper) => Ok(Some(Pepper(pepper))),
                Err(_) => bail!("\"{}\" is damaged: {} bytes instead of 32", path.display(), bytes.len()),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => bail!("could not read \"{}\": {error}", path.display()),
        }
    }

    /// Draws its own pepper.
    pub(crate) fn draw_pepper(&self) -> anyhow::Result<Pepper> {
        let pepper = Pepper::draw()?;
        write_whole(&self.pepper_file(), &pepper.0, 0o600)?;
        Ok(pepper)
    }

    /// The service that has the directory open now, if one has.
    pub(crate) fn running(&self) -> Option<Running> {
        let running: Running = serde_json::from_slice(&fs::read(self.service()).ok()?).ok()?;
        Path::new("/proc").join(running.pid.to_string()).exists().then_some(running)
    }

    pub(crate) fn announce(&self, running: &Running) -> anyhow::Result<()> {
        write_whole(&self.service(), serde_json::to_string(running)?.as_bytes(), 0o600)
    }

    pub(crate) fn retract(&self) {
        if let Err(error) = fs::remove_file(self.service()) {
            tracing::warn!(%error, "could not remove the service's announcement");
        }
    }
}

/// The definitions of a configuration, as a layout keeps them.
pub(crate) fn definitions(config: &Config) -> anyhow::Result<String> {
    Ok(serde_json::to_string(&config.raw.definitions)?)
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("could not write \"{}\"", path.display()))
}
