//! One line of the audit log.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest text of a statement that is written down whole, bytes. Of a longer one its hash is kept.
const MAX_TEXT_BYTES: usize = 64 << 10;
/// What the first line names as the one before it.
pub(super) const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A statement was asked.
    Statement,
    /// Rows were asked for as a file.
    Export,
    /// Somebody tried to log in, and was not let in.
    Login,
    /// The end of the log was torn by a crash, and cut off.
    Repair,
}

impl Event {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Event::Statement => "statement",
            Event::Export => "export",
            Event::Login => "login",
            Event::Repair => "repair",
        }
    }
}

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All rows were delivered.
    Done,
    /// It failed.
    Failed,
    /// The client asked to stop, or has gone.
    Cancelled,
    /// It took longer than it may.
    TimedOut,
    /// It was not begun.
    Refused,
}

impl Outcome {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::TimedOut => "timed_out",
            Outcome::Refused => "refused",
        }
    }
}

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written, UTC.
    pub time: String,
    /// What happened.
    pub event: Event,
    /// Who asked.
    pub user: String,
    /// Their role; empty if they were not let in.
    pub role: String,
    /// By which protocol.
    pub protocol: String,
    /// From which address.
    pub peer: String,
    /// What their program calls itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The text of the statement, as far as it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// SHA-256 of the whole text, where only its beginning is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement_sha256: Option<String>,
    /// What its parameters stood for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// Of an export, in what form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// From asking until the end, milliseconds.
    pub duration_ms: u64,
    /// Rows that were delivered.
    pub rows: u64,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Entry {
    /// Keeps `text`, or its beginning and its hash.
    pub fn set_statement(&mut self, text: &str) {
        if text.len() > MAX_TEXT_BYTES {
            self.statement_sha256 = Some(hex::encode(Sha256::digest(text)));
        }
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        self.statement = Some(text[..end].to_owned());
    }
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub sequence: u64,
    /// SHA-256 of the line before it, without its line feed.
    pub previous: String,
    /// What is written down.
    #[serde(flatten)]
    pub entry: Entry,
}

/// The hash by which the next line names `line`.
pub(super) fn hash(line: &[u8]) -> String {
    hex::encode(Sha256::digest(line))
}

#[cfg(test)]
pub(super) fn example(statement: &str) -> Entry {
    let mut entry = Entry {
        time: "2026-01-01T00:00:00Z".to_owned(),
        event: Event::Statement,
        user: "alice".to_owned(),
        role: "analyst".to_owned(),
        protocol: "postgres".to_owned(),
        peer: "127.0.0.1:1".to_owned(),
        application: None,
        statement: None,
        statement_sha256: None,
        parameters: vec![],
        format: None,
        duration_ms: 1,
        rows: 2,
        outcome: Outcome::Done,
        reason: None,
    };
    entry.set_statement(statement);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_letters_and_hashed() {
        let text = format!("x{}", "é".repeat(MAX_TEXT_BYTES));
        let entry = example(&text);
        assert_eq!(entry.statement.expect("a beginning").len(), MAX_TEXT_BYTES - 1);
        assert_eq!(entry.statement_sha256, Some(hash(text.as_bytes())));
        assert_eq!(example("select 1").statement_sha256, None);
    }
}
