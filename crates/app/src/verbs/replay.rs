//! `smarketing replay`: everything again from the journal, into a new generation beside the old one, then one switch.

use crate::End;
use crate::config::Config;
use crate::feed;
use crate::house::House;
use crate::place::{Layout, Place};
use crate::render::say;
use anyhow::{Context as _, bail};

pub(crate) async fn run(place: &Place, config: &Config) -> anyhow::Result<End> {
    let old = place.layout()?.context("there is nothing to replay: the data directory is empty")?;
    if !old.journal.is_empty() {
        bail!(
            "the data directory belongs to {}: give kafka.generation the next number in the configuration of every \
             process and start them again; they build everything beside what readers see, and show it when it has \
             caught up",
            old.owner()
        );
    }
    if place.running().is_some() {
        bail!("the service of this data directory is running; stop it before a replay");
    }
    let pepper = config.pepper(place)?.digest();
    let new = Layout { pepper, ..Layout::of_generation(old.generation + 1, old.partitions, config)? };
    clear(place, &new)?;
    let house = House::open_beside(place, config, &old, &new).await?;
    let settled = tokio::task::block_in_place(|| feed::settle(&house.service));
    if let Err(error) = settled {
        house.close().await?;
        return Err(error.context("the replay stopped; readers still see the old generation"));
    }
    // One step for readers, another for the next start; a crash between the two only means that readers see the old
    // generation again from the next start on, and that the next replay starts over.
    house.warehouse.publish().await?;
    place.save(&new)?;
    house.warehouse.generation(old.generation)?.drop_tables().await?;
    house.close().await?;
    clear(place, &old)?;
    say!("generation {} is live; generation {} is gone", new.generation, old.generation);
    Ok(End::Done)
}

/// Removes what an earlier attempt, or the old generation, left in store and snapshots.
fn clear(place: &Place, layout: &Layout) -> anyhow::Result<()> {
    [place.store(layout.generation), place.snapshots(layout.generation)].iter().try_for_each(|path| {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("could not remove \"{}\"", path.display()))
            }
            _ => Ok(()),
        }
    })
}
