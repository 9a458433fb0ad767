//! What each verb does.

mod attribute;
mod audit;
mod check;
mod demo;
mod gauges;
mod generate;
pub(crate) use generate::parse_day;
pub(crate) mod import;
mod read;
pub(crate) mod rejects;
mod replay;
mod run;
mod simulate;
mod up;
mod watch;

use crate::End;
use crate::cli::{Cli, Global, Verb};
use crate::config::Config;
use crate::house::{Engine, connect, start_engine};
use crate::place::Place;
use crate::render::say;
use anyhow::{Context as _, bail};
use smarketing_warehouse::{Credentials, MIGRATIONS, Options, Warehouse};

/// Runs a verb to its end.
pub(crate) fn run(cli: Cli) -> anyhow::Result<End> {
    let global = cli.global;
    match cli.verb {
        Verb::Generate(asked) => generate::run(&asked),
        Verb::Attribute(asked) => attribute::run(&global, &asked),
        Verb::Simulate(asked) => Ok(simulate::run(&asked)?),
        verb => {
            let config = Config::load(global.config.as_deref())?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(verb, &global, config))
        }
    }
}

async fn serve(verb: Verb, global: &Global, config: Config) -> anyhow::Result<End> {
    let place = Place::new(&global.data_dir);
    match verb {
        Verb::Up => up::run(&place, &config).await,
        Verb::Run(asked) => run::run(&place, &config, &asked).await,
        Verb::Demo(asked) => demo::run(&config, &asked).await,
        Verb::Import(asked) => import::run(&place, &config, global, asked).await,
        Verb::Query(asked) => read::query(&place, &config, global, &asked).await,
        Verb::Report(asked) => read::report(&place, &config, global, &asked).await,
        Verb::Watch(asked) => watch::run(&place, &config, global, &asked).await,
        Verb::Lead(asked) => read::lead(&place, &config, global, &asked).await,
        Verb::Deal(asked) => read::deal(&place, &config, global, &asked).await,
        Verb::Check(asked) => check::run(&place, &config, global, &asked).await,
        Verb::Migrate => migrate(&place, &config).await,
        Verb::Audit => audit::run(&place, &config, global).await,
        Verb::Replay => replay::run(&place, &config).await,
        Verb::Rejects(asked) => rejects::run(&place, &config, global, &asked).await,
        Verb::Generate(_) | Verb::Attribute(_) | Verb::Simulate(_) => Ok(End::Done),
    }
}

/// A way to ask the warehouse: the running service's engine, or one of our own for the length of a call.
pub(crate) struct Desk {
    pub(crate) warehouse: Warehouse,
    engine: Option<Engine>,
}

impl Desk {
    pub(crate) async fn open(place: &Place, config: &Config) -> anyhow::Result<Self> {
        let layout = place.layout()?.context(
            "there is no data yet: run `smarketing demo`, `smarketing import …` or `smarketing up` first, \
             or name the right --data-dir",
        )?;
        if config.raw.clickhouse.url.is_empty()
            && let Some(running) = place.running()
        {
            let reader = Credentials { user: "default".to_owned(), password: String::new() };
            let options = Options {
                url: running.clickhouse,
                service: reader,
                generation: layout.generation,
                compress: false,
                ..Options::default()
            };
            let warehouse = Warehouse::connect(options).await.context("the running service does not answer")?;
            return Ok(Self { warehouse, engine: None });
        }
        let engine = start_engine(place, config).await?;
        let warehouse = connect(&engine, config, layout.generation).await?;
        Ok(Self { warehouse, engine: Some(engine) })
    }

    pub(crate) async fn close(self) {
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}

async fn migrate(place: &Place, config: &Config) -> anyhow::Result<End> {
    if place.running().is_some() {
        bail!("the service of this data directory is running; it migrates its tables when it starts");
    }
    place.create()?;
    place.layout_or_new(config)?;
    let layout = place.current(config)?;
    let engine = start_engine(place, config).await?;
    let warehouse = connect(&engine, config, layout.generation).await?;
    let applied = warehouse.migrate(MIGRATIONS).await?;
    warehouse.publish().await?;
    engine.stop().await;
    match applied.as_slice() {
        [] => say!("the warehouse is up to date"),
        applied => say!("applied migrations {applied:?}"),
    }
    Ok(End::Done)
}
