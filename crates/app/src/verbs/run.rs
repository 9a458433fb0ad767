//! `smarketing run`: one process of several, on Kafka and a ClickHouse server.

use super::up;
use crate::End;
use crate::cli::Run;
use crate::config::Config;
use crate::place::Place;
use crate::shared;

pub(crate) async fn run(place: &Place, config: &Config, asked: &Run) -> anyhow::Result<End> {
    let mut config = config.clone();
    if !asked.role.is_empty() {
        config.raw.service.roles = asked.role.iter().map(|role| role.word().to_owned()).collect();
    }
    let cluster = config.raw.kafka.cluster();
    let shelter = shared::shelter(&config, &cluster).await?;
    let house = shared::open(place, &config, &cluster, shelter).await?;
    let warehouse = house.warehouse.clone();
    let join = async |service: &_| shared::join(service, &warehouse, &config, cluster).await;
    up::serve_with(place, &config, house, join).await
}
