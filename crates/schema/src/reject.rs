//! Why a record did not become an event: a closed list of reasons, and one sentence for whoever has to mend it.

/// Declares the reasons and their codes once.
macro_rules! reasons {
    ($($(#[$doc:meta])+ $variant:ident = $code:literal,)+) => {
        /// Why a record was rejected. Codes are metric labels and column values: they are never renamed or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])+ $variant,)+ }

        impl Reason {
            /// Every reason, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code, such as `invalid_json`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}

reasons! {
    /// The text is not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// The text is not one JSON value.
    InvalidJson = "invalid_json",
    /// It is JSON, but not an object.
    NotAnObject = "not_an_object",
    /// No event of that name.
    UnknownEvent = "unknown_event",
    /// A field the event cannot do without is missing, null or empty.
    MissingField = "missing_field",
    /// A field is there twice.
    DuplicateField = "duplicate_field",
    /// A field holds another kind of value.
    WrongType = "wrong_type",
    /// A field holds a value outside its list or alphabet.
    InvalidValue = "invalid_value",
    /// A time or a day that is not one.
    InvalidTime = "invalid_time",
    /// A time before 1990, or more than a day ahead.
    TimeOutOfRange = "time_out_of_range",
    /// A field is longer than its limit.
    FieldTooLong = "field_too_long",
    /// A list or map has more entries than its limit.
    TooManyEntries = "too_many_entries",
    /// The record, or what it expands to, is larger than its limit.
    TooLarge = "too_large",
    /// Nested deeper than the limit.
    TooDeep = "too_deep",
    /// A URL that no browser would open.
    InvalidUrl = "invalid_url",
    /// An e-mail address that is not one.
    InvalidEmail = "invalid_email",
    /// An amount or a rate that is not an exact decimal of its currency.
    InvalidAmount = "invalid_amount",
    /// An amount beyond 64 bits of minor units.
    AmountOverflow = "amount_overflow",
    /// Not an ISO 4217 code this build knows.
    UnknownCurrency = "unknown_currency",
    /// An Avro schema, container or datum that breaks the format.
    InvalidAvro = "invalid_avro",
    /// Avro data that ends too early.
    TruncatedAvro = "truncated_avro",
    /// Compressed data that is damaged.
    InvalidCompression = "invalid_compression",
    /// Compressed data that ends too early.
    TruncatedCompression = "truncated_compression",
    /// A row of a table with more or fewer cells than its header.
    RowWidth = "row_width",
    /// The file could not be read further.
    ReadFailed = "read_failed",
}

/// A record that could not become an event. There is one remedy: keep the record and its reason, and go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.code())]
pub struct Rejected {
    /// The class of the fault.
    pub reason: Reason,
    /// Which field, what stood there and what to do; at most a few hundred bytes, never a whole address.
    pub detail: String,
}

impl Rejected {
    /// A reject with its sentence.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Longest part of a value that is shown in a detail, in characters.
const SHOWN: usize = 40;

/// A value as a detail shows it: quoted, cut, without control characters; what may be an address is hidden.
pub(crate) fn shown(value: &str) -> String {
    if value.contains('@') {
        return "(an address)".to_owned();
    }
    let mut text: String = value.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    format!("\"{text}\"")
}
