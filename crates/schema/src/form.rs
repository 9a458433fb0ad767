//! The rules of single fields: what a text, an id, a time, an address or an amount must be to be taken.
//!
//! [`Form`] hands out the fields of one record in the kernel's types. Every refusal names the field, shows what
//! stood there where that cannot be an address, and says what is expected.

use crate::Context;
use crate::reject::{Reason, Rejected, shown};
use crate::wire::{Field, Value, Wire};
use crate::{instant, international};
use smarketing_kernel::event::{Address, Contact};
use smarketing_kernel::money::{Currency, Rate, decimal, minor_units};
use smarketing_kernel::text::Text;
use smarketing_kernel::time::{DAY_MS, Day, Timestamp};
use smarketing_kernel::url;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest event id, in characters.
pub const EVENT_ID_MAX: usize = 128;
/// Longest name of a workspace, in characters.
pub const WORKSPACE_MAX: usize = 64;
/// Longest id of a visitor, contact, deal, form …, in characters.
pub const ID_MAX: usize = 256;
/// Longest free text and longest value of a map, in characters.
pub const TEXT_MAX: usize = 1_024;
/// Most minor units of an amount, either way: nine thousand of them add up to less than 64 bits hold.
pub const AMOUNT_MAX: u64 = 999_999_999_999_999;
/// Longest key of a map, in characters.
pub const KEY_MAX: usize = 64;
/// Most entries of `fields` and `attributes`.
pub const ENTRIES_MAX: usize = 64;
/// Most contacts of a deal.
pub const CONTACTS_MAX: usize = crate::wire::ENTRIES_MAX;
/// Earliest time an event may have: 1990-01-01.
pub const EARLIEST: Timestamp = Timestamp(631_152_000_000);

/// The fields of one record, checked as they are taken.
pub(crate) struct Form<'c, 'a> {
    pub(crate) wire: Wire<'a>,
    pub(crate) ctx: &'c Context,
}

type Checked<T> = Result<T, Rejected>;

impl<'a> Form<'_, 'a> {
    /// Free text; empty and null are missing.
    pub(crate) fn text(&mut self, field: Field) -> Checked<Option<Text>> {
        let text = self.bounded(field, TEXT_MAX)?;
        Ok(text.map(|text| Text::from(&*text)))
    }

    /// The id of something, short and without control characters; a placeholder is missing.
    pub(crate) fn id(&mut self, field: Field) -> Checked<Option<Text>> {
        Ok(self.label(field)?.filter(|id| !is_placeholder(id)))
    }

    /// An id the event cannot do without.
    pub(crate) fn required_id(&mut self, field: Field) -> Checked<Text> {
        required(field, self.label(field)?)
    }

    /// The id of the event.
    pub(crate) fn event_id(&mut self) -> Checked<Text> {
        required(Field::EventId, self.plain(Field::EventId, EVENT_ID_MAX)?)
    }

    /// An id that joins nothing, such as that of a form: whatever it is called.
    pub(crate) fn label(&mut self, field: Field) -> Checked<Option<Text>> {
        self.plain(field, ID_MAX)
    }

    /// A label the event cannot do without.
    pub(crate) fn required_label(&mut self, field: Field) -> Checked<Text> {
        self.label(field)?.ok_or_else(|| missing(field.word()))
    }

    /// A text the event cannot do without.
    pub(crate) fn required_text(&mut self, field: Field) -> Checked<Text> {
        self.text(field)?.ok_or_else(|| missing(field.word()))
    }

    /// The name of the event.
    pub(crate) fn event_name(&mut self) -> Checked<Cow<'a, str>> {
        self.bounded(Field::Event, TEXT_MAX)?.ok_or_else(|| missing("event"))
    }

    /// The workspace, or the one the stream belongs to.
    pub(crate) fn workspace(&mut self) -> Checked<Text> {
        let Some(name) = self.bounded(Field::Workspace, WORKSPACE_MAX)? else { return Ok(self.ctx.workspace.clone()) };
        if name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')) {
            return Ok(Text::from(&*name));
        }
        Err(refused(Reason::InvalidValue, "workspace", &shown(&name), "use a-z, 0-9, \"_\" and \"-\" only"))
    }

    /// The time of the event: RFC 3339 or integer milliseconds, not before 1990, not more than a day ahead.
    pub(crate) fn occurred_at(&mut self) -> Checked<Timestamp> {
        let (at, sent) = match self.wire.take(Field::OccurredAt) {
            Value::Integer(ms) => (Timestamp(ms), ms.to_string()),
            Value::Text(text) if !text.trim().is_empty() => match instant::timestamp(text.trim()) {
                Some(at) => (at, String::new()),
                None => return Err(refused(Reason::InvalidTime, "occurred_at", &shown(&text), TIME_FORMS)),
            },
            Value::Text(_) | Value::Absent | Value::Null => return Err(missing("occurred_at")),
            other => return Err(wrong("occurred_at", &other, TIME_FORMS)),
        };
        if (EARLIEST..=self.ctx.now.plus(DAY_MS)).contains(&at) {
            return Ok(at);
        }
        let seconds = (EARLIEST.0 / 1_000..=self.ctx.now.0 / 1_000).contains(&at.0) && !sent.is_empty();
        let remedy = if seconds { "it looks like seconds, send milliseconds" } else { RANGE };
        let seen = if sent.is_empty() { at.to_string() } else { sent };
        Err(refused(Reason::TimeOutOfRange, "occurred_at", &seen, remedy))
    }

    /// A calendar day within the same range as event times.
    pub(crate) fn day(&mut self) -> Checked<Day> {
        const FORM: &str = "expected a day such as \"2026-03-01\"";
        let text = match self.wire.take(Field::Day) {
            Value::Text(text) if !text.trim().is_empty() => text,
            Value::Text(_) | Value::Absent | Value::Null => return Err(missing("day")),
            other => return Err(wrong("day", &other, FORM)),
        };
        let day = instant::day(text.trim());
        let day = day.ok_or_else(|| refused(Reason::InvalidTime, "day", &shown(&text), FORM))?;
        if (EARLIEST..=self.ctx.now.plus(DAY_MS)).contains(&day.start()) {
            return Ok(day);
        }
        Err(refused(Reason::TimeOutOfRange, "day", &shown(&text), RANGE))
    }

    /// An absolute http(s) URL, as written but for an international name.
    pub(crate) fn url(&mut self, field: Field) -> Checked<Option<Text>> {
        let Some(text) = self.untrimmed(field, "expected a URL")? else { return Ok(None) };
        let text = international::url(&text);
        match url::Url::parse(&text) {
            Ok(_) => Ok(Some(Text::from(text.trim()))),
            Err(url::UrlError::TooLong) => Err(too_long(field.word(), url::MAX_LEN, "bytes")),
            Err(error) => Err(Rejected::new(Reason::InvalidUrl, format!("field \"{}\": {error}", field.word()))),
        }
    }

    /// The page before, as the browser told: any text within the bounds of a URL, since apps and browsers send
    /// other schemes here and the page view is worth having all the same.
    pub(crate) fn referrer(&mut self) -> Checked<Option<Text>> {
        let text = self.bounded(Field::Referrer, url::MAX_LEN)?;
        Ok(text.filter(|text| !text.contains(char::is_control)).map(|text| Text::from(&*international::url(&text))))
    }

    /// A business domain, lower case.
    pub(crate) fn domain(&mut self, field: Field) -> Checked<Option<Text>> {
        let Some(text) = self.bounded(field, TEXT_MAX)? else { return Ok(None) };
        let probe = format!("https://{}/", international::domain(text.trim_end_matches('.')));
        let host = url::Url::parse(&probe).ok().and_then(|url| url.host().map(Text::from));
        let host = host.filter(|host| host.contains('.') && !text.contains([':', '/', '?', '#', '@', '\\']));
        host.map(Some).ok_or_else(|| {
            refused(Reason::InvalidValue, field.word(), &shown(&text), "expected a domain such as \"acme.com\"")
        })
    }

    /// One word of a closed list.
    pub(crate) fn word<T: Copy>(&mut self, field: Field, list: &WordList<T>) -> Checked<Option<T>> {
        let Some(text) = self.bounded(field, TEXT_MAX)? else { return Ok(None) };
        (list.parse)(&text).map(Some).ok_or_else(|| {
            let known: Vec<&str> = list.all.iter().map(|value| (list.word)(*value)).collect();
            refused(Reason::InvalidValue, field.word(), &shown(&text), &format!("expected one of {}", known.join(", ")))
        })
    }

    /// A word the event cannot do without.
    pub(crate) fn required_word<T: Copy>(&mut self, field: Field, list: &WordList<T>) -> Checked<T> {
        self.word(field, list)?.ok_or_else(|| missing(field.word()))
    }

    /// A count: an integer from zero.
    pub(crate) fn count(&mut self, field: Field) -> Checked<Option<u64>> {
        const FORM: &str = "expected an integer from 0";
        match self.wire.take(field) {
            Value::Absent | Value::Null => Ok(None),
            Value::Integer(n) => u64::try_from(n)
                .map(Some)
                .map_err(|_| refused(Reason::InvalidValue, field.word(), &n.to_string(), FORM)),
            other => Err(wrong(field.word(), &other, FORM)),
        }
    }

    /// The currency of the amount.
    pub(crate) fn currency(&mut self) -> Checked<Option<Currency>> {
        let Some(code) = self.bounded(Field::Currency, TEXT_MAX)? else { return Ok(None) };
        Currency::parse(&code).map(Some).ok_or_else(|| {
            refused(Reason::UnknownCurrency, "currency", &shown(&code), "expected an ISO 4217 code such as \"USD\"")
        })
    }

    /// Minor units: `amount_minor`, or the exact value of `amount` in the currency.
    pub(crate) fn amount(&mut self, currency: Option<Currency>) -> Checked<Option<i64>> {
        let minor = self.amount_minor()?;
        let Some(text) = self.bounded(Field::Amount, TEXT_MAX)? else { return Ok(minor) };
        if minor.is_some() {
            let detail = "fields \"amount_minor\" and \"amount\" are both there: send one of them";
            return Err(Rejected::new(Reason::InvalidValue, detail));
        }
        let Some(currency) = currency else {
            let detail = "field \"currency\" is missing: \"amount\" in major units needs it";
            return Err(Rejected::new(Reason::MissingField, detail));
        };
        let minor = minor_units(&text, currency).ok_or_else(|| unfit_amount(&text, currency))?;
        bearable(minor).map(Some).ok_or_else(|| too_much("amount", &shown(&text)))
    }

    fn amount_minor(&mut self) -> Checked<Option<i64>> {
        const FORM: &str = "expected an integer of minor units (cents)";
        match self.wire.take(Field::AmountMinor) {
            Value::Absent | Value::Null => Ok(None),
            Value::Integer(minor) => {
                bearable(minor).map(Some).ok_or_else(|| too_much("amount_minor", &minor.to_string()))
            }
            Value::Number(n) if n.fract() == 0.0 && n.abs() >= i64::MAX as f64 => {
                Err(too_much("amount_minor", "beyond 64 bits"))
            }
            other => Err(wrong("amount_minor", &other, FORM)),
        }
    }

    /// An exact rate.
    pub(crate) fn rate(&mut self) -> Checked<Rate> {
        let text = self.bounded(Field::Rate, TEXT_MAX)?.ok_or_else(|| missing("rate"))?;
        let form = "expected a positive decimal of at most 18 digits, 12 of them after the point";
        Rate::parse(&text).ok_or_else(|| refused(Reason::InvalidAmount, "rate", &shown(&text), form))
    }

    /// A map of short texts; numbers and booleans become their text, null and empty values are left out.
    pub(crate) fn map(&mut self, field: Field) -> Checked<BTreeMap<Text, Text>> {
        let entries = match self.wire.take(field) {
            Value::Absent | Value::Null => return Ok(BTreeMap::new()),
            Value::Map(entries) if entries.len() <= ENTRIES_MAX => entries,
            Value::Map(_) | Value::TooMany => return Err(too_many(field.word(), ENTRIES_MAX)),
            other => return Err(wrong(field.word(), &other, "expected an object of texts")),
        };
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let Some(value) = entry_text(field, &key, value)? else { continue };
            if map.insert(entry_key(field, &key)?, value).is_some() {
                let detail = format!("field \"{}\": key {} is there twice", field.word(), shown(&key));
                return Err(Rejected::new(Reason::DuplicateField, detail));
            }
        }
        Ok(map)
    }

    /// The person named by `email`, `contact_id` or both.
    pub(crate) fn lead(&mut self) -> Checked<Option<Address>> {
        let email = self.untrimmed(Field::Email, "expected a text")?;
        let email = email.map(|text| address("email", &text)).transpose()?;
        let contact_id = self.id(Field::ContactId)?;
        Ok((email.is_some() || contact_id.is_some()).then_some(Address { email, contact_id }))
    }

    /// The person an event is about.
    pub(crate) fn required_lead(&mut self) -> Checked<Address> {
        self.lead()?.ok_or_else(|| {
            Rejected::new(Reason::MissingField, "field \"email\" is missing: send \"email\" or \"contact_id\"")
        })
    }

    /// One side of a merge: an address or a contact id in `either`, a contact id in `contact`.
    pub(crate) fn side(&mut self, either: Field, contact: Field) -> Checked<Address> {
        let named = self.bounded(either, ID_MAX)?;
        let (email, named) = match named {
            Some(text) if text.contains('@') => (Some(address(either.word(), &text)?), None),
            other => (None, other.map(|text| unbroken(either.word(), &text)).transpose()?),
        };
        let named = named.filter(|id| !is_placeholder(id));
        let contact_id = match (named, self.id(contact)?) {
            (Some(_), Some(_)) => {
                let words = format!("fields \"{}\" and \"{}\" both hold a contact id", either.word(), contact.word());
                return Err(Rejected::new(Reason::InvalidValue, words));
            }
            (named, other) => named.or(other),
        };
        if email.is_none() && contact_id.is_none() {
            return Err(missing(either.word()));
        }
        Ok(Address { email, contact_id })
    }

    /// The people on a deal; an empty list is nobody, a missing one says nothing.
    pub(crate) fn contacts(&mut self) -> Checked<Option<Vec<Contact<Address>>>> {
        match self.wire.take(Field::Contacts) {
            Value::Absent | Value::Null => Ok(None),
            Value::List(contacts) => contacts.into_iter().enumerate().map(contact).collect::<Checked<_>>().map(Some),
            Value::TooMany => Err(too_many("contacts", CONTACTS_MAX)),
            other => Err(wrong("contacts", &other, "expected a list of objects")),
        }
    }

    fn plain(&mut self, field: Field, max: usize) -> Checked<Option<Text>> {
        let text = self.bounded(field, max)?;
        text.map(|text| unbroken(field.word(), &text)).transpose()
    }

    /// A trimmed, non-empty text of at most `max` characters.
    fn bounded(&mut self, field: Field, max: usize) -> Checked<Option<Cow<'a, str>>> {
        let Some(text) = self.untrimmed(field, "expected a text")? else { return Ok(None) };
        within(field.word(), trimmed(text), max).map(Some)
    }

    /// A text that is not blank, as it was sent.
    fn untrimmed(&mut self, field: Field, expected: &str) -> Checked<Option<Cow<'a, str>>> {
        match self.wire.take(field) {
            Value::Absent | Value::Null => Ok(None),
            Value::Text(text) => Ok((!text.trim().is_empty()).then_some(text)),
            other => Err(wrong(field.word(), &other, expected)),
        }
    }
}

/// The wire spelling of a closed list of the kernel.
pub(crate) struct WordList<T: 'static> {
    pub(crate) all: &'static [T],
    pub(crate) word: fn(T) -> &'static str,
    pub(crate) parse: fn(&str) -> Option<T>,
}

const TIME_FORMS: &str = "expected RFC 3339 such as \"2026-03-01T09:30:00Z\", or integer milliseconds";
const RANGE: &str = "expected a time from 1990-01-01 to one day from now";

pub(crate) fn missing(field: &str) -> Rejected {
    Rejected::new(Reason::MissingField, format!("field \"{field}\" is missing or empty"))
}

/// What programs write where they have no value. Taken for an id, it would make one browser of all that have none, and one
/// person of their visitors.
const PLACEHOLDERS: [&str; 8] =
    ["undefined", "null", "nil", "none", "nan", "(not set)", "[object object]", "00000000-0000-0000-0000-000000000000"];

fn is_placeholder(id: &str) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| id.eq_ignore_ascii_case(placeholder))
}

/// An id that must be there and must be one.
fn required(field: Field, id: Option<Text>) -> Checked<Text> {
    let id = id.ok_or_else(|| missing(field.word()))?;
    if is_placeholder(&id) {
        let expected = "programs write that where they have no value; send the id itself";
        return Err(refused(Reason::MissingField, field.word(), &shown(&id), expected));
    }
    Ok(id)
}

fn refused(reason: Reason, field: &str, seen: &str, expected: &str) -> Rejected {
    Rejected::new(reason, format!("field \"{field}\" is {seen}: {expected}"))
}

fn wrong(field: &str, value: &Value<'_>, expected: &str) -> Rejected {
    refused(Reason::WrongType, field, value.kind(), expected)
}

fn too_long(field: &str, max: usize, unit: &str) -> Rejected {
    Rejected::new(Reason::FieldTooLong, format!("field \"{field}\" is longer than {max} {unit}"))
}

fn too_many(field: &str, max: usize) -> Rejected {
    Rejected::new(Reason::TooManyEntries, format!("field \"{field}\" has more than {max} entries"))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn within<'t>(field: &str, text: Cow<'t, str>, max: usize) -> Checked<Cow<'t, str>> {
    if text.len() > max && text.chars().nth(max).is_some() {
        return Err(too_long(field, max, "characters"));
    }
    Ok(text)
}

fn unbroken(field: &str, text: &str) -> Checked<Text> {
    if text.chars().any(char::is_control) {
        return Err(refused(Reason::InvalidValue, field, &shown(text), "control characters are not allowed"));
    }
    Ok(Text::from(text))
}

fn address(field: &str, text: &str) -> Checked<Text> {
    let refused = |error| Rejected::new(Reason::InvalidEmail, format!("field \"{field}\": {error}"));
    international::address(text).map_err(refused)
}

/// The amount, if it is not above [`AMOUNT_MAX`].
pub(crate) fn bearable(minor: i64) -> Option<i64> {
    (minor.unsigned_abs() <= AMOUNT_MAX).then_some(minor)
}

fn too_much(field: &str, seen: &str) -> Rejected {
    let form = format!("expected at most {AMOUNT_MAX} minor units (cents)");
    refused(Reason::AmountOverflow, field, seen, &form)
}

fn unfit_amount(text: &str, currency: Currency) -> Rejected {
    let places = text.split_once('.').map_or(0, |(_, places)| places.trim_end_matches('0').len());
    let digits = text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let exponent = currency.exponent();
    if digits && places <= usize::from(exponent) && (decimal(text, 12).is_some() || text.len() > 18) {
        return too_much("amount", &shown(text));
    }
    let form = format!("expected a plain decimal of at most {exponent} places for {currency}");
    refused(Reason::InvalidAmount, "amount", &shown(text), &form)
}

fn entry_key(field: Field, key: &str) -> Checked<Text> {
    let key = key.trim();
    if key.is_empty() {
        return Err(Rejected::new(Reason::InvalidValue, format!("field \"{}\" has an empty key", field.word())));
    }
    if key.len() > KEY_MAX && key.chars().nth(KEY_MAX).is_some() {
        let detail = format!("field \"{}\": key {} is longer than {KEY_MAX} characters", field.word(), shown(key));
        return Err(Rejected::new(Reason::FieldTooLong, detail));
    }
    Ok(Text::from(key))
}

fn entry_text(field: Field, key: &str, value: Value<'_>) -> Checked<Option<Text>> {
    let place = || format!("{}.{}", field.word(), shown(key).trim_matches('"'));
    let text = match value {
        Value::Absent | Value::Null => return Ok(None),
        Value::Text(text) => trimmed(text),
        Value::Integer(n) => Cow::Owned(n.to_string()),
        Value::Number(n) => Cow::Owned(n.to_string()),
        Value::Bool(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
        other => return Err(wrong(&place(), &other, "expected a text, a number or a boolean")),
    };
    if text.len() > TEXT_MAX && text.chars().nth(TEXT_MAX).is_some() {
        return Err(too_long(&place(), TEXT_MAX, "characters"));
    }
    Ok((!text.is_empty()).then(|| Text::from(&*text)))
}

fn contact((at, value): (usize, Value<'_>)) -> Checked<Contact<Address>> {
    let place = |name: &str| format!("contacts[{at}].{name}");
    let Value::Map(entries) = value else {
        return Err(wrong(&format!("contacts[{at}]"), &value, "expected an object"));
    };
    let (mut email, mut contact_id, mut role) = (None, None, None);
    for (name, value) in entries {
        let slot = match &*name {
            "email" => &mut email,
            "contact_id" => &mut contact_id,
            "role" => &mut role,
            _ => continue,
        };
        let text = match value {
            Value::Absent | Value::Null => continue,
            Value::Text(text) => trimmed(text),
            other => return Err(wrong(&place(&name), &other, "expected a text")),
        };
        if slot.replace(within(&place(&name), text, ID_MAX)?).is_some() {
            let detail = format!("field \"{}\" is there twice", place(&name));
            return Err(Rejected::new(Reason::DuplicateField, detail));
        }
    }
    let full = |text: &Cow<'_, str>| !text.is_empty();
    let email = email.filter(full).map(|text| address(&place("email"), &text)).transpose()?;
    let contact_id = contact_id.filter(|id| full(id) && !is_placeholder(id));
    let contact_id = contact_id.map(|text| unbroken(&place("contact_id"), &text)).transpose()?;
    if email.is_none() && contact_id.is_none() {
        return Err(missing(&place("email")));
    }
    Ok(Contact { lead: Address { email, contact_id }, role: role.filter(full).map(|text| Text::from(&*text)) })
}
