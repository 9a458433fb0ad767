//! `smarketing up`: everything on this machine until Ctrl-C.

use crate::End;
use crate::cli::Dialect;
use crate::config::Config;
use crate::feed;
use crate::house::House;
use crate::place::{Place, Running};
use crate::render::say;
use anyhow::Context as _;
use clap::ValueEnum as _;
use smarketing_engine::{Pepper, Service};
use smarketing_kernel::money::Currency;
use smarketing_kernel::text::Text;
use smarketing_kernel::time::Day;
use smarketing_warehouse::Warehouse;
use smarketing_web::{Admin, Answered, Collector, ImportRequest, Inquiry, Options, RetryRequest, Unanswered};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

pub(crate) async fn run(place: &Place, config: &Config) -> anyhow::Result<End> {
    let house = House::open(place, config).await?;
    serve(place, config, house).await
}

/// Serves an open house until it is told to stop, then drains and closes it.
pub(crate) async fn serve(place: &Place, config: &Config, house: House) -> anyhow::Result<End> {
    serve_with(place, config, house, async |_| Ok(())).await
}

/// As [`serve`], with something that works beside it: `join` starts it, dropping it ends it.
pub(crate) async fn serve_with<T: Send + 'static>(
    place: &Place,
    config: &Config,
    house: House,
    join: impl AsyncFnOnce(&Arc<Service>) -> anyhow::Result<T>,
) -> anyhow::Result<End> {
    let House { clickhouse, warehouse, service } = house;
    let service = Arc::new(service);
    let token = token()?;
    let options = Options {
        body_bytes_max: u64::from(config.raw.collector.body_mib) << 20,
        workspace: Text::from(config.raw.service.workspace.as_str()),
        origins: config.raw.collector.origins.clone(),
        reader_token: config.raw.collector.reader_token.clone(),
        collects: config.raw.service.roles.iter().any(|role| role == "web"),
        ..Options::new(config.listen, token.clone(), feed::now)
    };
    let errands = Errands {
        service: Arc::clone(&service),
        warehouse: warehouse.clone(),
        runtime: Handle::current(),
        config: config.clone(),
        place: place.clone(),
    };
    let desk = Arc::new(errands);
    let rounds =
        tokio::spawn(super::watch::rounds(warehouse.clone(), config.clone(), place.clone(), service.progress()));
    let started = Collector::start(options, service.intake(), service.progress(), desk).await;
    let ended = match started {
        Ok(collector) => {
            let running =
                Running { pid: std::process::id(), clickhouse: clickhouse.url(), collector: collector.url(), token };
            let ended = match join(&service).await {
                Ok(joined) => {
                    let ended = announce_and_wait(place, &running, &service).await;
                    place.retract();
                    tokio::task::spawn_blocking(move || drop(joined)).await?;
                    ended
                }
                Err(error) => Err(error),
            };
            collector.stop().await;
            ended
        }
        Err(error) => Err(error).with_context(|| format!("the collector could not listen on {}", config.listen)),
    };
    rounds.abort();
    let service = alone(service).await?;
    House { clickhouse, warehouse, service }.close().await?;
    ended.map(|()| End::Done)
}

/// Ends what still waits on behalf of a command line, and takes the service back.
async fn alone(mut service: Arc<Service>) -> anyhow::Result<Service> {
    service.cease();
    for _ in 0..100 {
        match Arc::try_unwrap(service) {
            Ok(service) => return Ok(service),
            Err(shared) => service = shared,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!(
        "a request still holds the service; nothing is lost, what is journalled is worked off at the next start"
    )
}

async fn announce_and_wait(place: &Place, running: &Running, service: &Service) -> anyhow::Result<()> {
    // Before anybody knows where this process is: whoever does may ask it to stop.
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    place.announce(running)?;
    // It serves, whether anybody reads this or not.
    let _nobody_reads = introduce(running);
    let progress = service.progress();
    loop {
        tokio::select! {
            done = tokio::signal::ctrl_c() => return Ok(done?),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                if let Some(why) = progress.halted() {
                    anyhow::bail!("a partition stopped, its data is kept: {why}");
                }
            }
        }
    }
}

fn introduce(running: &Running) -> std::io::Result<()> {
    let Running { collector, clickhouse, .. } = running;
    say!("collector   {collector}/v1/events");
    say!("status      {collector}/v1/status");
    say!("reports     {collector}/v1/reports/funnel (with a token)");
    say!("metrics     {collector}/metrics");
    say!("ClickHouse  {clickhouse} (user default, read-only)");
    say!("Ctrl-C drains and stops.");
    Ok(())
}

/// 128 random bits as text.
fn token() -> anyhow::Result<String> {
    let Pepper(random) = Pepper::draw()?;
    Ok(random.iter().take(16).fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    }))
}

/// What the command line and readers ask of a running service.
struct Errands {
    service: Arc<Service>,
    warehouse: Warehouse,
    runtime: Handle,
    config: Config,
    place: Place,
}

impl Admin for Errands {
    fn import(&self, request: ImportRequest) -> Result<serde_json::Value, String> {
        let dialect = Dialect::from_str(&request.dialect, true)?;
        let currency = Currency::parse(&request.currency)
            .ok_or_else(|| format!("\"{}\" is not an ISO 4217 code such as \"USD\"", request.currency))?;
        let context = super::import::context(&self.config);
        let outcome = feed::import(&self.service, dialect, &request.paths, currency, &context);
        let outcome = outcome.map_err(|error| format!("{error:#}"))?;
        serde_json::to_value(outcome).map_err(|error| error.to_string())
    }

    fn retry(&self, request: RetryRequest) -> Result<serde_json::Value, String> {
        let retried = super::rejects::retried(&self.service, &self.warehouse, &self.config, &self.runtime, &request);
        serde_json::to_value(retried.map_err(|error| format!("{error:#}"))?).map_err(|error| error.to_string())
    }

    fn watch(&self, day: Day) -> Result<serde_json::Value, String> {
        let progress = self.service.progress();
        let round = super::watch::round(&self.warehouse, &self.config, &self.place, &progress, day);
        let alarms = self.runtime.block_on(round).map_err(|error| format!("{error:#}"))?;
        Ok(serde_json::json!({ "alarms": alarms }))
    }

    fn ask(&self, inquiry: &Inquiry) -> Result<Answered, Unanswered> {
        self.runtime.block_on(super::read::ask(&self.warehouse, &self.config, &self.place, inquiry))
    }

    fn settle(&self) -> Result<serde_json::Value, String> {
        let settled = self.service.settle(&mut |_, _| true).and_then(|()| self.service.positions());
        let (journal, delivered) = settled.map_err(|error| error.to_string())?;
        Ok(serde_json::json!({ "journal": journal, "delivered": delivered }))
    }
}
