//! What was sent, before anyone judged it: the known fields of one record, borrowed from its bytes.
//!
//! JSON and Avro both arrive here through the same [`Visitor`], so that the two forms cannot drift apart.
//! A value of the wrong kind is not an error yet: it is kept as [`Value::Wrong`] and named when it is asked for.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor as SerdeVisitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Declares the spelling of every known field once.
macro_rules! fields {
    ($($variant:ident = $word:literal,)+) => {
        /// Every field any event knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field { $($variant),+ }

        impl Field {
            /// Every field, in order.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    Event = "event", EventId = "event_id", Workspace = "workspace", OccurredAt = "occurred_at",
    VisitorId = "visitor_id", Email = "email", ContactId = "contact_id",
    Url = "url", Referrer = "referrer", Title = "title", UserAgent = "user_agent",
    FormId = "form_id", FormName = "form_name", Fields = "fields",
    Kind = "kind", Campaign = "campaign", ContentId = "content_id", LinkUrl = "link_url",
    DealId = "deal_id", AccountId = "account_id", AccountDomain = "account_domain", Contacts = "contacts",
    AmountMinor = "amount_minor", Amount = "amount", Currency = "currency",
    Stage = "stage", Pipeline = "pipeline", Owner = "owner", Reason = "reason", DealType = "deal_type",
    MergedInto = "merged_into",
    Verdict = "verdict", Rep = "rep", ContentUrl = "content_url", Outcome = "outcome",
    Persona = "persona", Attributes = "attributes",
    From = "from", Into = "into", FromContactId = "from_contact_id", IntoContactId = "into_contact_id",
    Day = "day", Channel = "channel", Source = "source", Medium = "medium",
    Clicks = "clicks", Impressions = "impressions", Rate = "rate",
}

/// One value as it was sent.
#[derive(Debug, Default)]
pub(crate) enum Value<'a> {
    /// The field was not there, or was taken.
    #[default]
    Absent,
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is no 64-bit integer.
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    /// A kind of value no field takes here; the word names it.
    Wrong(&'static str),
    /// A list or map of more entries than any field takes.
    TooMany,
}

impl Value<'_> {
    /// What kind of value this is, for the sentence that refuses it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Absent | Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
            Self::Wrong(kind) => kind,
            Self::TooMany => "too many entries",
        }
    }
}

/// Most entries a list or map is read into; the limits of single fields are below it.
pub(crate) const ENTRIES_MAX: usize = 256;
/// Most unknown fields that are named.
const UNKNOWN_MAX: usize = 16;
/// Longest name of an unknown field that is kept, in characters.
const UNKNOWN_CHARS: usize = 64;

/// The fields of one record. Taking a field leaves it absent: what is left at the end was not asked for.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    values: [Value<'a>; Field::ALL.len()],
    unknown: Vec<String>,
    /// The first field that came twice.
    pub(crate) duplicate: Option<Field>,
}

impl<'a> Wire<'a> {
    /// Hands out a field's value.
    pub(crate) fn take(&mut self, field: Field) -> Value<'a> {
        self.values.get_mut(field as usize).map(std::mem::take).unwrap_or_default()
    }

    /// Sets the event's name where the record itself did not say it (an Avro record says it by its type).
    pub(crate) fn name_event(&mut self, name: &'a str) {
        if let Some(slot @ Value::Absent) = self.values.get_mut(Field::Event as usize) {
            *slot = Value::Text(Cow::Borrowed(name));
        }
    }

    /// Names of the fields nobody asked for: not known at all, or not to this event.
    pub(crate) fn into_unknown(self) -> Vec<String> {
        let mut names = self.unknown;
        let left = Field::ALL.iter().zip(&self.values).filter(|(_, value)| !matches!(value, Value::Absent));
        names.extend(left.map(|(field, _)| field.word().to_owned()));
        names.truncate(UNKNOWN_MAX);
        names
    }

    fn set(&mut self, field: Field, value: Value<'a>) {
        match self.values.get_mut(field as usize) {
            Some(slot @ Value::Absent) => *slot = value,
            _ => self.duplicate = self.duplicate.or(Some(field)),
        }
    }

    fn note_unknown(&mut self, name: &str) {
        if self.unknown.len() < UNKNOWN_MAX {
            self.unknown.push(name.chars().take(UNKNOWN_CHARS).collect());
        }
    }
}

/// Reads one record. `raw_numbers`: the format can hand out the text of a number, so decimals stay exact.
pub(crate) struct Visitor {
    pub(crate) raw_numbers: bool,
}

impl<'de> SerdeVisitor<'de> for Visitor {
    type Value = Wire<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire<'de>, A::Error> {
        let values = [const { Value::Absent }; Field::ALL.len()];
        let mut wire = Wire { values, unknown: Vec::new(), duplicate: None };
        while let Some(key) = map.next_key_seed(Name)? {
            match Field::parse(&key) {
                None => {
                    wire.note_unknown(&key);
                    map.next_value::<IgnoredAny>()?;
                }
                Some(field @ (Field::Amount | Field::Rate)) if self.raw_numbers => {
                    wire.set(field, exact(map.next_value::<&RawValue>()?));
                }
                Some(field) => wire.set(field, map.next_value_seed(Depth(depth(field)))?),
            }
        }
        Ok(wire)
    }
}

/// How many levels of lists and maps a field holds.
fn depth(field: Field) -> u8 {
    match field {
        Field::Contacts => 2,
        Field::Fields | Field::Attributes => 1,
        _ => 0,
    }
}

/// A decimal by its text: a number's own digits, or a string's content.
fn exact(raw: &RawValue) -> Value<'_> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<Text<'_>>(text).map_or(Value::Wrong("a text"), |text| Value::Text(text.0)),
        Some(b'-' | b'0'..=b'9') => Value::Text(Cow::Borrowed(text)),
        Some(b'n') => Value::Null,
        Some(b'[') => Value::Wrong("a list"),
        Some(b'{') => Value::Wrong("an object"),
        _ => Value::Wrong("a boolean"),
    }
}

/// Text that borrows where it can.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The name of a field.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> SerdeVisitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Reads one value with at most this many levels of lists and maps; deeper ones are skipped, not kept.
struct Depth(u8);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> SerdeVisitor<'de> for Depth {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Value::Wrong("bytes"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some(inner) = self.0.checked_sub(1) else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Wrong("a list"));
        };
        let mut values = Vec::new();
        while values.len() < ENTRIES_MAX {
            match list.next_element_seed(Depth(inner))? {
                Some(value) => values.push(value),
                None => return Ok(Value::List(values)),
            }
        }
        let mut more = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(if more { Value::TooMany } else { Value::List(values) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(inner) = self.0.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Wrong("an object"));
        };
        let mut values = Vec::new();
        while values.len() < ENTRIES_MAX {
            match map.next_key_seed(Name)? {
                Some(name) => values.push((name, map.next_value_seed(Depth(inner))?)),
                None => return Ok(Value::Map(values)),
            }
        }
        let mut more = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(if more { Value::TooMany } else { Value::Map(values) })
    }
}

#[cfg(test)]
mod tests {
    use super::Field;
    use crate::{EVENTS, reader_schema};
    use std::collections::BTreeSet;

    #[test]
    fn every_field_is_in_a_schema() {
        let schemas = EVENTS.iter().filter_map(|event| reader_schema(event));
        let fields = schemas.flat_map(|schema| {
            let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
            let names =
                schema["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>()
        });
        let known = Field::ALL.iter().map(|field| field.word().to_owned()).filter(|word| word != "event");
        assert_eq!(known.collect::<BTreeSet<_>>(), fields.collect::<BTreeSet<_>>());
    }
}
