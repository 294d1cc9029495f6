//! What a client can set, and ask for: settings of PostgreSQL that its clients rely on.
//!
//! Most change nothing here: times are in UTC and ISO form, bytes in hex, and all is read-only.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ServeError;

/// The version of PostgreSQL that clients are to take this for.
pub(super) const SERVER_VERSION: &str = "16.6";

/// How a setting can be set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To anything; `SHOW` repeats it.
    Free,
    /// To anything, without any change: what is, is said.
    Fixed,
}

/// Name, value at first, how it can be set.
const KNOWN: &[(&str, &str, Kind)] = &[
    ("application_name", "", Kind::Free),
    ("bytea_output", "hex", Kind::Fixed),
    ("client_encoding", "UTF8", Kind::Fixed),
    ("client_min_messages", "notice", Kind::Free),
    ("datestyle", "ISO, MDY", Kind::Fixed),
    ("default_table_access_method", "heap", Kind::Fixed),
    ("default_transaction_isolation", "repeatable read", Kind::Fixed),
    ("default_transaction_read_only", "on", Kind::Fixed),
    ("enable_seqscan", "on", Kind::Free),
    ("extra_float_digits", "1", Kind::Free),
    ("idle_in_transaction_session_timeout", "0", Kind::Free),
    ("in_hot_standby", "off", Kind::Fixed),
    ("integer_datetimes", "on", Kind::Fixed),
    ("intervalstyle", "postgres", Kind::Fixed),
    ("is_superuser", "off", Kind::Fixed),
    ("jit", "off", Kind::Free),
    ("lc_collate", "C", Kind::Fixed),
    ("lc_ctype", "C", Kind::Fixed),
    ("lc_messages", "C", Kind::Free),
    ("lc_monetary", "C", Kind::Free),
    ("lc_numeric", "C", Kind::Free),
    ("lc_time", "C", Kind::Free),
    ("lock_timeout", "0", Kind::Free),
    ("max_identifier_length", "63", Kind::Fixed),
    ("max_index_keys", "32", Kind::Fixed),
    ("row_security", "on", Kind::Free),
    ("search_path", "\"$user\", public", Kind::Free),
    ("server_encoding", "UTF8", Kind::Fixed),
    ("server_version", SERVER_VERSION, Kind::Fixed),
    ("server_version_num", "160006", Kind::Fixed),
    ("session_authorization", "", Kind::Fixed),
    ("ssl", "off", Kind::Fixed),
    ("standard_conforming_strings", "on", Kind::Fixed),
    ("statement_timeout", "0", Kind::Free),
    ("synchronous_commit", "on", Kind::Free),
    ("timezone", "UTC", Kind::Fixed),
    ("transaction_isolation", "repeatable read", Kind::Fixed),
    ("transaction_read_only", "on", Kind::Fixed),
    ("work_mem", "4MB", Kind::Free),
];

/// Those that a client is told without asking, in the letters that it looks for.
const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// The settings of one connection.
#[derive(Debug)]
pub(super) struct Settings {
    /// What is not as [`KNOWN`] says.
    changed: BTreeMap<String, String>,
    /// What the connection began with, to which `RESET` goes back.
    first: BTreeMap<String, String>,
}

impl Settings {
    /// Of a connection of `user` that began with `parameters`. What is not known of them is ignored, as
    /// drivers send what they like.
    pub(super) fn new<'a>(
        user: &str,
        parameters: impl Iterator<Item = (&'a String, &'a String)>,
    ) -> Settings {
        let mut settings = Settings { changed: BTreeMap::new(), first: BTreeMap::new() };
        for (name, value) in parameters {
            let _ = settings.set(name, value);
        }
        settings.changed.insert("session_authorization".to_owned(), user.to_owned());
        settings.first = settings.changed.clone();
        settings
    }

    /// Sets what a connection begins with in `options`: `-c name=value`, as `psql` passes them on.
    pub(super) fn set_options(&mut self, options: &str) {
        for word in options.split_whitespace() {
            let word = word.trim_start_matches("-c").trim_start_matches("--");
            if let Some((name, value)) = word.split_once('=') {
                // What is not known is ignored, as above.
                let _ = self.set(name, value);
            }
        }
        self.first = self.changed.clone();
    }

    /// Names and values to tell a client that has just come.
    pub(super) fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        REPORTED.iter().map(|name| (*name, self.get(name).unwrap_or_default()))
    }

    /// The value of a setting, and whether there is one of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let name = canonical(name);
        match self.changed.get(&name) {
            Some(value) => Some(value),
            None => known(&name).map(|(_, value, _)| *value),
        }
    }

    /// Changes a setting; tells the value that a client has to be told of, with its name.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<Option<(&'static str, String)>, ServeError> {
        let name = canonical(name);
        // Names with a dot are of extensions, which clients may invent.
        let kind = match known(&name) {
            Some((_, _, kind)) => *kind,
            None if name.contains('.') => Kind::Free,
            None => return Err(unknown(&name)),
        };
        if name == "client_encoding" && !is_utf8(value) {
            return Err(ServeError::Unsupported(format!(
                "the encoding is UTF8, '{value}' is not supported"
            )));
        }
        if name == "statement_timeout" {
            duration(value)?;
        }
        if kind == Kind::Fixed {
            return Ok(None);
        }
        self.changed.insert(name.clone(), value.to_owned());
        Ok(reported(&name).map(|name| (name, value.to_owned())))
    }

    /// Sets one or all back to what the connection began with.
    pub(super) fn reset(&mut self, name: Option<&str>) -> Result<(), ServeError> {
        match name.map(canonical) {
            None => self.changed = self.first.clone(),
            Some(name) => {
                if self.get(&name).is_none() {
                    return Err(unknown(&name));
                }
                match self.first.get(&name) {
                    Some(value) => self.changed.insert(name, value.clone()),
                    None => self.changed.remove(&name),
                };
            }
        }
        Ok(())
    }

    /// All names and values, in order.
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let mut all: BTreeMap<String, String> = KNOWN
            .iter()
            .map(|(name, value, _)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        all.extend(self.changed.clone());
        all.into_iter().collect()
    }

    /// How long a statement may take, if the client has said so.
    pub(super) fn timeout(&self) -> Option<Duration> {
        let value = self.get("statement_timeout")?;
        duration(value).ok().filter(|timeout| !timeout.is_zero())
    }
}

/// The value that a setting has at first; `None` if there is none of that name.
pub(super) fn at_first(name: &str) -> Option<&'static str> {
    known(&canonical(name)).map(|(_, value, _)| *value)
}

fn known(name: &str) -> Option<&'static (&'static str, &'static str, Kind)> {
    KNOWN.iter().find(|(known, _, _)| *known == name)
}

fn reported(name: &str) -> Option<&'static str> {
    REPORTED.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
}

fn unknown(name: &str) -> ServeError {
    ServeError::UnknownSetting { name: name.to_owned() }
}

/// The name under which a setting is kept: letters do not matter, and some have two names.
fn canonical(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "time zone" | "time.zone" => "timezone".to_owned(),
        "names" => "client_encoding".to_owned(),
        "transaction isolation level" | "transaction.isolation.level" => {
            "transaction_isolation".to_owned()
        }
        "session authorization" | "session.authorization" => "session_authorization".to_owned(),
        _ => name,
    }
}

fn is_utf8(name: &str) -> bool {
    // The last two only say that nothing is to be converted.
    ["utf8", "utf-8", "unicode", "auto", "sql_ascii"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// A time as PostgreSQL writes it: milliseconds, or a number with its unit.
fn duration(text: &str) -> Result<Duration, ServeError> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let bad = || ServeError::BadValue(format!("'{text}' is no time: write 5000, '5s' or '1min'"));
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let parameters =
            [("TimeZone", "Europe/Berlin"), ("application_name", "psql"), ("odd", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::new("alice", parameters.iter().map(|(name, value)| (name, value)))
    }

    #[test]
    fn what_is_set_is_shown_and_what_is_fixed_stays() {
        let mut settings = settings();
        assert_eq!(settings.get("TimeZone"), Some("UTC"));
        assert_eq!(settings.get("session_authorization"), Some("alice"));
        assert_eq!(settings.get("odd"), None);
        let told = settings.set("application_name", "other").expect("known");
        assert_eq!(told, Some(("application_name", "other".to_owned())));
        assert_eq!(settings.set("extra_float_digits", "3").expect("known"), None);
        settings.set("my.own", "x").expect("of an extension");
        settings.set("nonsense", "x").expect_err("no such setting");
        settings.set("client_encoding", "LATIN1").expect_err("another encoding");
        settings.reset(Some("application_name")).expect("known");
        assert_eq!(settings.get("application_name"), Some("psql"));
        settings.reset(None).expect("all");
        assert_eq!(settings.get("my.own"), None);
    }

    #[test]
    fn times_have_units() {
        let mut settings = settings();
        assert_eq!(settings.timeout(), None);
        for (text, millis) in [("250", 250), ("5s", 5_000), (" 2 min", 120_000)] {
            settings.set("statement_timeout", text).expect(text);
            assert_eq!(settings.timeout(), Some(Duration::from_millis(millis)));
        }
        settings.set("statement_timeout", "soon").expect_err("no time");
    }
}
