//! Parameters of a request: from the text behind `?` to checked values.
//!
//! # Invariants
//!
//! * Text that is not percent-encoded as it must be, or is not UTF-8, is an error, never a guess.
//! * What is not declared, declared but said twice, or out of its bounds, is an error that names it.

use assay_query::output::Format;

use super::failure::Failure;

/// Longest value that is taken.
const VALUE_BYTES_MAX: usize = 256;

/// A parameter of a route.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Whether it must be there.
    pub presence: Presence,
    /// What it means.
    pub doc: &'static str,
}

/// Whether a parameter must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It need not.
    Optional,
    /// It need not, and stands for this then.
    Default(&'static str),
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name of a chain, or the address of a token's contract.
    Asset,
    /// A height, or a day or moment in UTC.
    At,
    /// A day in UTC.
    Day,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number, both bounds included.
    Integer {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A share above 0 and below 1.
    Share,
    /// A table with its schema.
    Table,
    /// A format of rows.
    Format,
}

/// Patterns of the kinds that are text, as a schema says them; [`Kind::check`] is what decides.
impl Kind {
    pub(super) const ASSET_PATTERN: &str = "^(bitcoin|ethereum|0x[0-9a-fA-F]{40})$";
    pub(super) const AT_PATTERN: &str = "^([0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?Z?)?)$";
    pub(super) const DAY_PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
    pub(super) const TABLE_PATTERN: &str = "^[a-z_]{1,63}\\.[a-z0-9_]{1,63}$";
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number, as it is written in SQL.
    Number(String),
}

/// The checked values of a request, by the names of their parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Vec<(&'static str, Value)>);

impl Values {
    /// Reads what stands behind `?`.
    pub fn read(query: Option<&str>, declared: &[Parameter]) -> Result<Values, Failure> {
        let mut values: Vec<(&'static str, Value)> = Vec::new();
        let said = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in said {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let parameter = declared.iter().find(|parameter| parameter.name == name);
            let parameter = parameter.ok_or_else(|| unknown(&name, declared))?;
            if values.iter().any(|(known, _)| *known == parameter.name) {
                return Err(Failure::bad(format!("the parameter {name} is said twice")));
            }
            values.push((parameter.name, parameter.check(&value)?));
        }
        for parameter in declared {
            if values.iter().any(|(known, _)| *known == parameter.name) {
                continue;
            }
            match parameter.presence {
                Presence::Default(value) => values.push((parameter.name, parameter.check(value)?)),
                Presence::Optional => {}
                Presence::Required => {
                    let name = parameter.name;
                    return Err(Failure::bad(format!("the parameter {name} is missing")));
                }
            }
        }
        Ok(Values(values))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of a parameter that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The format that was asked for.
    pub fn format(&self) -> Option<Format> {
        self.text("format").and_then(Format::of_name)
    }

    /// Adds what follows from the other values.
    pub fn add(&mut self, name: &'static str, value: Value) {
        self.0.push((name, value));
    }
}

impl Parameter {
    fn check(&self, value: &str) -> Result<Value, Failure> {
        let wrong = |expected: String| Failure::bad(format!("{} is {expected}", self.name));
        if value.len() > VALUE_BYTES_MAX {
            return Err(wrong(format!("at most {VALUE_BYTES_MAX} bytes long")));
        }
        self.kind.check(value).ok_or_else(|| wrong(self.kind.words()))
    }
}

impl Kind {
    fn check(self, value: &str) -> Option<Value> {
        let text = |is_right: bool| is_right.then(|| Value::Text(value.to_owned()));
        match self {
            Kind::Asset => {
                let asset = value.to_ascii_lowercase();
                is_asset(&asset).then_some(Value::Text(asset))
            }
            Kind::At if is_digits(value, 18) => Some(Value::Number(value.to_owned())),
            Kind::At => text(is_moment(value)),
            Kind::Day => text(value.len() == "0000-00-00".len() && is_moment(value)),
            Kind::Word(words) => text(words.contains(&value)),
            Kind::Integer { min, max } => {
                let number = is_digits(value, 18).then(|| value.parse::<u64>().ok())??;
                (min..=max).contains(&number).then(|| Value::Number(number.to_string()))
            }
            Kind::Share => {
                let digits = value.strip_prefix("0.")?;
                let is_right = is_digits(digits, 15) && digits.bytes().any(|digit| digit != b'0');
                is_right.then(|| Value::Number(value.to_owned()))
            }
            Kind::Table => text(is_table(value)),
            Kind::Format => text(Format::of_name(value).is_some()),
        }
    }

    fn words(self) -> String {
        match self {
            Kind::Asset => {
                "bitcoin, ethereum, or 0x and the 40 hex digits of a token's contract".to_owned()
            }
            Kind::At => {
                "a height, or a moment in UTC such as 2021-03-01 or 2021-03-01T12:00:00Z".to_owned()
            }
            Kind::Day => "a day in UTC such as 2021-03-01".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Share => "a share such as 0.5, above 0 and below 1".to_owned(),
            Kind::Table => "a schema and a name such as bitcoin.blocks".to_owned(),
            Kind::Format => format!("one of {}", Format::ALL.map(Format::name).join(", ")),
        }
    }
}

fn is_digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_asset(text: &str) -> bool {
    let token = text.strip_prefix("0x");
    matches!(text, "bitcoin" | "ethereum")
        || token.is_some_and(|hex| hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether `text` has the shape of [`Kind::AT_PATTERN`] and names a day that there is.
fn is_moment(text: &str) -> bool {
    let shape = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte == b'T' || byte == b' ',
                like => byte == like,
            })
    };
    let plain = text.strip_suffix('Z').filter(|_| text.len() > 11).unwrap_or(text);
    let (whole, fraction) = plain.split_once('.').map_or((plain, None), |(a, b)| (a, Some(b)));
    let patterns: &[&str] = match fraction {
        Some(fraction) if is_digits(fraction, 6) => &["0000-00-00T00:00:00"],
        Some(_) => return false,
        None => &["0000-00-00", "0000-00-00T00:00:00"],
    };
    let is_shaped = patterns.iter().any(|pattern| shape(whole, pattern));
    is_shaped && arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text).is_ok()
}

fn is_table(text: &str) -> bool {
    let part = |text: &str, digits: bool| {
        (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| b == b'_' || b.is_ascii_lowercase() || digits && b.is_ascii_digit())
    };
    text.split_once('.').is_some_and(|(schema, name)| part(schema, false) && part(name, true))
}

fn unknown(name: &str, declared: &[Parameter]) -> Failure {
    let known: Vec<_> = declared.iter().map(|parameter| parameter.name).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let name: String = name.chars().take(40).collect();
    Failure::bad(format!("there is no parameter '{name}' here: there are {known}"))
}

/// `text` as it was before it was percent-encoded.
fn decoded(text: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err(Failure::bad("a % stands before two hex digits".to_owned())),
                }
            }
            byte => byte,
        });
    }
    let text = String::from_utf8(bytes);
    text.map_err(|_| Failure::bad("a parameter is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: [Parameter; 5] = [
        parameter("asset", Kind::Asset, Presence::Required),
        parameter("at", Kind::At, Presence::Optional),
        parameter("points", Kind::Integer { min: 1, max: 100 }, Presence::Default("20")),
        parameter("threshold", Kind::Share, Presence::Optional),
        parameter("from", Kind::Day, Presence::Optional),
    ];

    const fn parameter(name: &'static str, kind: Kind, presence: Presence) -> Parameter {
        Parameter { name, kind, presence, doc: "A parameter." }
    }

    fn read(query: &str) -> Result<Values, String> {
        Values::read(Some(query), &DECLARED).map_err(|failure| failure.to_string())
    }

    #[test]
    fn values_are_decoded_checked_and_completed() {
        let values =
            read("asset=BITCOIN&at=2021-03-01T12%3A00%3a00Z&&threshold=0.51").expect("right");
        assert_eq!(values.text("asset"), Some("bitcoin"));
        assert_eq!(values.text("at"), Some("2021-03-01T12:00:00Z"));
        assert_eq!(values.get("points"), Some(&Value::Number("20".to_owned())));
        assert_eq!(values.get("threshold"), Some(&Value::Number("0.51".to_owned())));
        let values = read("asset=bitcoin&at=0840000").expect("right");
        assert_eq!(values.get("at"), Some(&Value::Number("0840000".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, word) in [
            ("", "asset is missing"),
            ("asset=bitcoin&x=1", "no parameter 'x'"),
            ("asset=bitcoin&asset=ethereum", "twice"),
            ("asset=bitcoin%00", "asset is bitcoin, ethereum"),
            ("asset=bitcoin'--", "asset is bitcoin, ethereum"),
            ("asset=0x12", "asset is"),
            ("asset=bitcoin&at=-1", "at is a height"),
            ("asset=bitcoin&at=1;drop", "at is a height"),
            ("asset=bitcoin&at=2021-02-30", "at is a height"),
            ("asset=bitcoin&at=2021-02-03T10:00:00.", "at is a height"),
            ("asset=bitcoin&at=1234567890123456789", "at is a height"),
            ("asset=bitcoin&points=0", "points is a whole number from 1 to 100"),
            ("asset=bitcoin&points=101", "points is"),
            ("asset=bitcoin&points=1e1", "points is"),
            ("asset=bitcoin&threshold=1", "threshold is a share"),
            ("asset=bitcoin&threshold=0.0", "threshold is a share"),
            ("asset=bitcoin&from=7", "from is a day"),
            ("asset=bitcoin&from=2021-02-30", "from is a day"),
            ("asset=bitcoin&from=2021-02-03T10:00:00", "from is a day"),
            ("asset=%zz", "two hex digits"),
            ("asset=%e", "two hex digits"),
            ("asset=%ff", "not UTF-8"),
            ("asset=%+1", "two hex digits"),
        ] {
            let error = read(query).expect_err(query);
            assert!(error.contains(word), "{query}: {error}");
        }
        let long = read(&format!("asset={}", "b".repeat(300))).expect_err("too long");
        assert!(long.contains("256 bytes"), "{long}");
    }

    #[test]
    fn a_table_has_a_schema_and_a_name() {
        for (text, is_right) in [
            ("bitcoin.blocks", true),
            ("a.b.c", false),
            ("blocks", false),
            ("a.B", false),
            (".", false),
        ] {
            assert_eq!(is_table(text), is_right, "{text}");
        }
    }
}
