//! The verbs and their flags: the contract of the command line.

use crate::verbs::parse_day;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use smarketing_kernel::row::ConversionKind;
use smarketing_kernel::time::Day;
use std::ops::Range;
use std::path::PathBuf;

/// Closed-loop marketing attribution: events in, a reconciled credit ledger out.
#[derive(Debug, Parser)]
#[command(name = "smarketing", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb understands.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Configuration file; `smarketing.toml` when it is there.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, global = true, value_name = "DIR", default_value = "./smarketing-data")]
    pub(crate) data_dir: PathBuf,
    /// How tables are printed: a table on a terminal, JSON lines otherwise.
    #[arg(long, global = true, value_enum)]
    pub(crate) format: Option<Format>,
}

/// How tables are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Csv,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run everything on this machine: collector, journal, workers, embedded ClickHouse.
    Up,
    /// The same service against Kafka and a ClickHouse server, as one process of several.
    Run(Run),
    /// `up` on generated sample data in a temporary directory, with a tour of the results.
    Demo(Demo),
    /// Turn files into events: our own lines, or the tables of others.
    Import(Import),
    /// Print a believable synthetic history as event lines.
    Generate(Generate),
    /// Run seeded worlds with every fault and check each against the auditor.
    Simulate(Simulate),
    /// Run SQL on the warehouse, as a user who may only read.
    Query(Query),
    /// Answer a question: channels, content, funnel, velocity, recycled, sla, verdicts, lost, goal, spend, roi, models,
    /// watch, paths, reconciliation.
    ///
    /// channels (without --by), content and sla answer with several tables. Programs tell their rows apart by a first
    /// field, or column, called "table"; CSV has one header for all of them, and what a table does not have is empty.
    Report(Report),
    /// The profile and timeline of a lead, by e-mail address, contact id or hexadecimal id.
    ///
    /// Two tables, lead and timeline: in JSON and CSV the first field, "table", says which one a row is of.
    Lead(Lead),
    /// A deal with its credit per touch and model, and where each number comes from.
    ///
    /// Five tables, deal, changes, conversions, journey and ledger: in JSON and CSV the first field, "table", says which
    /// one a row is of.
    Deal(Deal),
    /// Run models on a file of paths, without the service.
    Attribute(Attribute),
    /// Evaluate the conversion watch now: does a step of the funnel convert worse than it did?
    Watch(Watch),
    /// Check configuration and connections; show every effective value and where it comes from.
    Check(Check),
    /// Create or upgrade the tables and views of the warehouse.
    Migrate,
    /// Work everything out anew from the journal, independently, and compare it with the warehouse.
    Audit,
    /// Rebuild everything from the journal into a new generation of tables, then switch to it.
    Replay,
    /// The dead letters.
    #[command(subcommand)]
    Rejects(Rejects),
}

/// What a process of several does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Reads raw topics into the journal.
    Intake,
    /// Works partitions of the journal.
    Worker,
    /// Takes events over HTTP.
    Web,
}

impl Role {
    /// As the configuration says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Worker => "worker",
            Self::Web => "web",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What this process does; service.roles of the configuration by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) role: Vec<Role>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Print and exit instead of serving.
    #[arg(long)]
    pub(crate) no_serve: bool,
    /// Events to generate, about.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) events: u64,
    /// Seed of the history.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Whose files they are.
    #[arg(value_enum)]
    pub(crate) dialect: Dialect,
    /// Files (events, spend, rates) or folders (the others); `-` is standard input (events only).
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Currency of amounts whose table names none.
    #[arg(long, default_value = "USD")]
    pub(crate) currency: String,
}

/// Whose files are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Our JSON lines or Avro containers, optionally .gz or .zst.
    Events,
    /// The export tables of HubSpot: a folder.
    Hubspot,
    /// The public marketing-funnel data set of a marketplace: a folder.
    Olist,
    /// A sales pipeline with accounts, products and agents: a folder.
    Crm,
    /// Advertising spend: a CSV file.
    Spend,
    /// Exchange rates: a CSV file.
    Rates,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Leads to generate, about.
    #[arg(long, default_value_t = 1_500)]
    pub(crate) leads: u32,
    /// Days the history spans.
    #[arg(long, default_value_t = 180)]
    pub(crate) days: u32,
    /// Seed: the same seed gives the same history.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Day the history ends on (YYYY-MM-DD); today by default.
    #[arg(long)]
    pub(crate) ends: Option<String>,
    /// Events to generate, about; overrides `--leads`.
    #[arg(long)]
    pub(crate) events: Option<u64>,
    /// Touches of one very busy account among the others.
    #[arg(long, default_value_t = 0)]
    pub(crate) heavy_account_touches: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Seeds of the worlds, the last one not included: the same seed is the same world.
    #[arg(long, value_name = "A..B", default_value = "0..1000", value_parser = seeds)]
    pub(crate) seeds: Range<u64>,
}

/// A range of seeds as people write it.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.filter(|seeds| !seeds.is_empty()).ok_or_else(|| format!("\"{text}\" is not a range such as \"0..1000\""))
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The statement; `-` reads it from standard input.
    pub(crate) sql: String,
    /// A format of ClickHouse for the answer, such as `CSVWithNames`; overrides `--format`.
    #[arg(long, value_name = "NAME")]
    pub(crate) output: Option<String>,
}

/// The questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Question {
    Channels,
    Content,
    Funnel,
    Velocity,
    Recycled,
    Sla,
    Verdicts,
    Lost,
    Goal,
    Spend,
    Roi,
    Models,
    Watch,
    Paths,
    Reconciliation,
}

/// What a report tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Channel,
    Source,
    Campaign,
    Content,
    Persona,
    /// Segments of the account (funnel, velocity, recycled, verdicts, lost).
    #[value(name = "account_segment")]
    AccountSegment,
    Rep,
    Month,
    /// Bands of the score (verdicts).
    Score,
    /// Versions of the definitions (verdicts).
    Definition,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The question.
    #[arg(value_enum)]
    pub(crate) name: Question,
    /// The attribution model (channels, content, lost, spend, roi); `first` by default.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// What to tell apart (channels, funnel, velocity, recycled, verdicts, lost, spend).
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    /// The conversion (models); `won` by default.
    #[arg(long, value_parser = kinds())]
    pub(crate) kind: Option<String>,
    /// First day (YYYY-MM-DD, UTC), itself included; which content converts is always told of all time.
    #[arg(long, value_parser = parse_day)]
    pub(crate) from: Option<Day>,
    /// Last day (YYYY-MM-DD, UTC), itself included.
    #[arg(long, value_parser = parse_day)]
    pub(crate) to: Option<Day>,
    /// Working hours within which sales must act (sla); those of the configuration by default, and in the list of those
    /// that were late.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) hours: Option<u32>,
    /// Revenue to reach, in whole units of the reporting currency (goal).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) target: Option<u64>,
}

/// The words for conversions.
fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(ConversionKind::ALL.iter().map(|kind| kind.word()))
}

#[derive(Debug, Args)]
pub(crate) struct Lead {
    /// E-mail address, or a hexadecimal lead id.
    pub(crate) who: String,
    /// `who` is the CRM's contact id.
    #[arg(long)]
    pub(crate) contact_id: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Deal {
    /// The CRM's id of the deal.
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Attribute {
    /// CSV with a header `path,conversions,value,nulls`; channels split by ` > `.
    #[arg(long, value_name = "FILE")]
    pub(crate) paths: PathBuf,
    /// A model that needs no milestone, such as `linear` or `hubspot_j_shaped`; `markov`, `shapley` or `shapley_ordered`.
    #[arg(long)]
    pub(crate) model: String,
    /// Order of the Markov chain, 1 to 4.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) order: u8,
    /// Half-life of time decay, such as `30d`; touches are a day apart.
    #[arg(long, default_value = "30d")]
    pub(crate) half_life: String,
    /// Count repeats of a channel in a row once (markov).
    #[arg(long)]
    pub(crate) collapse_repeats: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The day to evaluate on (YYYY-MM-DD); today by default.
    #[arg(long)]
    pub(crate) day: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only the configuration, no connection.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Also read this file of events and report fields that no event knows.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rejects {
    /// How many there are, by stream and reason.
    List,
    /// One dead letter with its bytes.
    Show {
        /// Its stream.
        stream: String,
        /// Its position in the stream.
        position: u64,
    },
    /// Decode dead letters again, after a fix; those that are events now are applied.
    Retry {
        /// Only of this stream.
        #[arg(long)]
        stream: Option<String>,
        /// Only of this reason.
        #[arg(long)]
        reason: Option<String>,
    },
}
