//! `smarketing attribute`: models on a file of paths, without the service.

use crate::End;
use crate::cli::{Attribute, Format, Global};
use crate::render;
use crate::render::say;
use anyhow::{Context as _, bail, ensure};
use smarketing_attribution::fit::Path;
use smarketing_attribution::paths::{self, ChannelCredit, Options};
use smarketing_kernel::channel;
use smarketing_warehouse::{Cell, Column, Kind, Table};
use std::collections::{BTreeMap, BTreeSet};

/// Decimal places that values of a path file keep.
const VALUE_SCALE: u8 = 6;

/// A path file: its channels by number, in order of their names, and its paths.
struct File {
    channels: Vec<String>,
    paths: Vec<Path>,
}

pub(crate) fn run(global: &Global, asked: &Attribute) -> anyhow::Result<End> {
    let text = std::fs::read_to_string(&asked.paths)
        .with_context(|| format!("could not read \"{}\"", asked.paths.display()))?;
    let file = File::parse(&text).with_context(|| format!("\"{}\" is not a path file", asked.paths.display()))?;
    let credits = credits(asked, &file)?;
    match render::format(global.format) {
        Format::Json => say!("{}", json(asked, &file, &credits)),
        format => render::print(format, &format!("Model \"{}\"", asked.model), &table(&file, &credits))?,
    }
    Ok(End::Done)
}

fn credits(asked: &Attribute, file: &File) -> anyhow::Result<Vec<ChannelCredit>> {
    let numbered = |test: fn(&str) -> bool| -> BTreeSet<u32> {
        (0..).zip(&file.channels).filter(|(_, name)| test(name)).map(|(number, _)| number).collect()
    };
    let options = Options {
        order: asked.order,
        collapse_repeats: asked.collapse_repeats,
        half_life_s: Some(seconds(&asked.half_life)?),
        direct: numbered(channel::is_direct),
        paid: numbered(channel::is_paid),
        ..Options::default()
    };
    Ok(paths::attribute(&asked.model, &file.paths, &options)?)
}

/// A span such as `30d`, `12h` or `90m`.
fn seconds(text: &str) -> anyhow::Result<u64> {
    let unit = match text.chars().last() {
        Some('d') => 86_400,
        Some('h') => 3_600,
        Some('m') => 60,
        Some('s') => 1,
        _ => bail!("\"{text}\" is not a span such as \"30d\" or \"12h\""),
    };
    let number: u64 =
        text[..text.len() - 1].parse().with_context(|| format!("\"{text}\" is not a span such as \"30d\""))?;
    ensure!(number > 0, "a half-life must be above 0");
    number.checked_mul(unit).with_context(|| format!("\"{text}\" is too long"))
}

impl File {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let header = text.lines().next().unwrap_or_default();
        let delimiter = if header.contains(';') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let columns = Columns::find(reader.headers()?)?;
        let mut rows = Vec::new();
        for (index, row) in reader.records().enumerate() {
            rows.push(columns.read(&row?).with_context(|| format!("row {}", index + 1))?);
        }
        let names: BTreeSet<String> = rows.iter().flat_map(|row| row.0.iter().cloned()).collect();
        let numbers: BTreeMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
        let path = |(channels, conversions, value, nulls): &Row| Path {
            channels: channels.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect(),
            conversions: *conversions,
            value: *value,
            nulls: *nulls,
        };
        let paths = rows.iter().map(path).collect();
        Ok(Self { channels: names.into_iter().collect(), paths })
    }

    fn name(&self, channel: Option<u32>) -> &str {
        let named = channel.and_then(|number| self.channels.get(usize::try_from(number).ok()?));
        named.map_or(channel::UNATTRIBUTED, String::as_str)
    }
}

/// Channels, conversions, value in millionths, nulls.
type Row = (Vec<String>, u64, u64, u64);

/// Where the columns are; vendors' longer names are understood, too.
struct Columns {
    path: usize,
    conversions: usize,
    value: Option<usize>,
    nulls: Option<usize>,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> anyhow::Result<Self> {
        let find =
            |names: [&str; 2]| header.iter().position(|cell| names.contains(&cell.trim().to_lowercase().as_str()));
        let columns = header.iter().collect::<Vec<_>>().join(", ");
        let required = |names: [&str; 2]| {
            find(names).with_context(|| format!("no column \"{}\"; its columns are: {columns}", names[0]))
        };
        Ok(Self {
            path: required(["path", "channel_path"])?,
            conversions: required(["conversions", "total_conversions"])?,
            value: find(["value", "total_conversion_value"]),
            nulls: find(["nulls", "total_null"]),
        })
    }

    fn read(&self, row: &csv::StringRecord) -> anyhow::Result<Row> {
        let cell = |index: Option<usize>| index.and_then(|index| row.get(index)).unwrap_or("").trim();
        let count = |index: Option<usize>, name: &str| match cell(index) {
            "" => Ok(0),
            text => text.parse::<u64>().with_context(|| format!("{name} \"{text}\" is not a whole number")),
        };
        let value = match cell(self.value) {
            "" => 0,
            text => millionths(text)
                .with_context(|| format!("value \"{text}\" is not a decimal number of at most {VALUE_SCALE} places"))?,
        };
        let channels =
            cell(Some(self.path)).split('>').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok((channels.collect(), count(Some(self.conversions), "conversions")?, value, count(self.nulls, "nulls")?))
    }
}

/// A decimal as whole millionths; digits beyond are cut, as binary floats in files have many.
fn millionths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let cut = fraction.get(..fraction.len().min(VALUE_SCALE.into()))?;
    let plain = if cut.is_empty() { whole.to_owned() } else { format!("{whole}.{cut}") };
    let (digits, scale) = smarketing_kernel::money::decimal(&plain, VALUE_SCALE)?;
    u64::try_from(digits).ok()?.checked_mul(10_u64.pow(u32::from(VALUE_SCALE - scale)))
}

fn value(credit: &ChannelCredit) -> f64 {
    credit.value / 10_f64.powi(i32::from(VALUE_SCALE))
}

fn json(asked: &Attribute, file: &File, credits: &[ChannelCredit]) -> serde_json::Value {
    let one = |credit: &ChannelCredit| {
        let mut channel = serde_json::json!({
            "channel": file.name(credit.channel), "conversions": credit.conversions, "value": value(credit),
        });
        if let Some(position) = credit.position {
            channel["position"] = (position + 1).into();
        }
        if let Some(effect) = credit.removal_effect {
            channel["removal_effect"] = effect.into();
        }
        channel
    };
    let mut answer = serde_json::json!({
        "model": asked.model, "channels": credits.iter().map(one).collect::<Vec<_>>(),
    });
    if asked.model == "markov" {
        answer["order"] = asked.order.into();
    }
    answer
}

fn table(file: &File, credits: &[ChannelCredit]) -> Table {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let decimal = |number: f64| Cell::Decimal(format!("{number:.4}"));
    let row = |credit: &ChannelCredit| {
        let effect = credit.removal_effect.map_or(Cell::Empty, decimal);
        let position = credit.position.map_or(Cell::Empty, |position| Cell::Integer(i128::from(position) + 1));
        vec![
            Cell::Text(file.name(credit.channel).to_owned()),
            position,
            decimal(credit.conversions),
            decimal(value(credit)),
            effect,
        ]
    };
    Table {
        columns: vec![
            column("channel", Kind::Text),
            column("position", Kind::Integer),
            column("conversions", Kind::Decimal),
            column("value", Kind::Decimal),
            column("removal_effect", Kind::Decimal),
        ],
        rows: credits.iter().map(row).collect(),
        cut: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_files_of_either_delimiter_are_read() {
        let check = |text: &str, channels: &[&str], first: (u64, u64, u64)| {
            let file = File::parse(text).unwrap();
            assert_eq!(file.channels, channels);
            assert_eq!((file.paths[0].conversions, file.paths[0].value, file.paths[0].nulls), first);
        };
        check("path,conversions,value,nulls\nb > a,1,2.5,3\n", &["a", "b"], (1, 2_500_000, 3));
        check("path;total_conversions;total_conversion_value;total_null\nb;1;0.1234567;\n", &["b"], (1, 123_456, 0));
        for bad in ["x,y\n1,2\n", "path,conversions\na,-1\n", "path,conversions,value\na,1,1e5\n"] {
            assert!(File::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_have_units() {
        assert_eq!(seconds("30d").unwrap(), 2_592_000);
        assert_eq!(seconds("90m").unwrap(), 5_400);
        for bad in ["30", "d", "0d", "-1d", "99999999999999999d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
