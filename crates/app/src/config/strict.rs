//! What is refused or warned of although every value is of its kind: passwords in URLs, origins no browser sends, rules that
//! look at what is sealed.

use super::Raw;

/// Personas and segments that look at what travels sealed: nobody would ever be one.
pub(super) fn sealed(raw: &Raw) -> Vec<String> {
    let personas = raw.definitions.personas.iter().map(|row| &row.attribute).enumerate();
    let segments = raw.definitions.account_segments.iter().map(|row| &row.attribute).enumerate();
    let named = |(list, (at, attribute)): (&str, (usize, &String))| {
        let clear = raw.privacy.clear_fields.iter().any(|field| field.eq_ignore_ascii_case(attribute));
        (!clear).then(|| {
            format!(
                "definitions.{list}[{at}] looks at \"{attribute}\", which privacy.clear_fields does not name: it travels \
                 sealed, and nobody matches"
            )
        })
    };
    let all = personas.map(|row| ("personas", row)).chain(segments.map(|row| ("account_segments", row)));
    all.filter_map(named).collect()
}

/// Every URL of the configuration: its key, and where a user and a password belong.
pub(super) fn urls(raw: &Raw) -> impl Iterator<Item = (String, &str, &'static str)> {
    const REGISTRY: &str = "schema_registry_authorization beside it, such as \"Basic …\"";
    let server = ("clickhouse.url".to_owned(), raw.clickhouse.url.as_str(), "clickhouse.user and clickhouse.password");
    let own = ("kafka.schema_registry".to_owned(), raw.kafka.schema_registry.as_str(), REGISTRY);
    let others = raw.kafka.sources.iter();
    let others = others.map(|(name, source)| {
        (format!("kafka.sources.{name}.schema_registry"), source.schema_registry.as_str(), REGISTRY)
    });
    [server, own].into_iter().chain(others)
}

/// Whether there is a user in a URL: whatever it is, before the first slash of what follows the scheme.
pub(super) fn has_user(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Whether a browser sends it like this: what differs by a letter would never match.
pub(super) fn is_origin(text: &str) -> bool {
    let Ok(url) = text.parse::<hyper::Uri>() else { return false };
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return false;
    };
    let own = if scheme == "http" { 80 } else { 443 };
    let plain = !authority.as_str().contains('@') && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    plain && authority.port_u16() != Some(own) && text == format!("{scheme}://{authority}")
}
