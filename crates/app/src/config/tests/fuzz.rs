//! Configurations nobody would write: none makes the program panic, and what is wrong is told by its key.

use crate::config::{Config, PREFIX, Raw, leaves, set};
use proptest::prelude::*;
use toml::{Table, Value};

/// The configuration that is shipped, with every key.
const SHIPPED: &str = include_str!("../../../../../deploy/smarketing.toml");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, std::iter::empty()).map_err(|problems| problems.to_string())
}

/// Every default by its path.
fn defaults() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let table = Table::try_from(Raw::default()).unwrap();
    leaves("", &Value::Table(table), &mut |path, value| all.push((path.to_owned(), value.clone())));
    all
}

fn odd() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        any::<bool>().prop_map(Value::Boolean),
        "\\PC{0,12}".prop_map(Value::String),
        "(30d|-1h|99999999999999d|first|USD|\\*|\\(|/a/\\*\\*|won|0|1e9|)".prop_map(Value::String),
    ];
    plain.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..3)
                .prop_map(|pairs| Value::Table(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_that_does_not_fit_is_told_by_its_key(at in any::<prop::sample::Index>(), value in odd()) {
        let defaults = defaults();
        let (path, _) = at.get(&defaults);
        let mut table = Table::new();
        set(&mut table, path, value);
        if let Err(why) = parse(&toml::to_string(&table).unwrap()) {
            let key = path.rsplit('.').next().unwrap();
            prop_assert!(why.contains(key), "\"{}\" is not named: {}", path, why);
        }
    }

    #[test]
    fn damaged_files_are_a_configuration_or_an_error(
        places in prop::collection::vec((any::<prop::sample::Index>(), "(\\[|\\]|=|\"|\n|#|-|9999999999|\\{|\\}|'''|é|\\PC)"), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text: Vec<char> = SHIPPED.chars().collect();
        for (place, put) in places {
            let at = place.index(text.len());
            text.splice(at..=at, put.chars());
        }
        let whole: String = text.iter().collect();
        let _either = parse(&whole);
        let _either = parse(&whole.chars().take(cut.index(text.len())).collect::<String>());
    }

    #[test]
    fn any_environment_is_a_configuration_or_an_error(name in "[A-Z_]{0,30}", value in "\\PC{0,20}") {
        let pair = (format!("{PREFIX}{name}"), value);
        let _either = Config::parse("", std::iter::once(pair));
    }
}
