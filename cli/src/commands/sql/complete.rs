//! What the prompt knows of SQL: when a statement is complete, and how a word may go on.

use std::collections::BTreeSet;

use assay_query::{described_functions, described_tables};
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

const KEYWORDS: &str = "all and as asc between by case cast count cross desc describe distinct \
    else end except exists explain extract false from full group having in inner intersect \
    interval is join left like limit max min not null nulls offset on or order outer over \
    partition right select show sum avg then true union using values when where with";

/// Completes words and tells complete statements from others.
pub struct Assistant {
    words: BTreeSet<String>,
}

impl Assistant {
    /// Knows every keyword, table, column and function.
    pub fn new() -> Assistant {
        let mut words: BTreeSet<_> = KEYWORDS.split_whitespace().map(str::to_owned).collect();
        for table in described_tables() {
            words.insert(table.full_name());
            words.extend(table.columns.iter().map(|column| column.name.to_owned()));
        }
        words.extend(described_functions().iter().map(|function| function.name.to_owned()));
        Assistant { words }
    }

    /// Where the word before the end of `text` starts, and the words that it may become.
    fn candidates(&self, text: &str) -> (usize, Vec<String>) {
        let is_word = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
        let start = text
            .rfind(|char| !is_word(char))
            .map_or(0, |place| place + text[place..].chars().next().map_or(0, char::len_utf8));
        let typed = text[start..].to_lowercase();
        if typed.is_empty() {
            return (start, Vec::new());
        }
        let words = self.words.iter().filter(|word| word.starts_with(&typed)).cloned();
        (start, words.collect())
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(&line[..place]))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_complete(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Helper for Assistant {}

/// Whether `text` is to be run as it is: nothing, a command of the prompt, or SQL up to a `;` that
/// is neither quoted nor in a comment.
pub fn is_complete(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.starts_with('\\') {
        return true;
    }
    let mut ends = false;
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        let (skipped, closed) = match char {
            '\'' | '"' => past(after, &char.to_string()),
            '-' if after.starts_with('-') => (past(after, "\n").0, true),
            '/' if after.starts_with('*') => past(&after[1..], "*/"),
            _ => {
                ends = char == ';' || (ends && char.is_whitespace());
                rest = after;
                continue;
            }
        };
        if !closed {
            return false;
        }
        // A comment after the ';' changes nothing, a quoted word does.
        ends &= char == '-' || char == '/';
        rest = skipped;
    }
    ends
}

/// What follows the next `end` in `text`, and whether there is one.
fn past<'a>(text: &'a str, end: &str) -> (&'a str, bool) {
    match text.find(end) {
        Some(place) => (&text[place + end.len()..], true),
        None => ("", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_complete_at_a_semicolon_outside_of_quotes_and_comments() {
        for text in ["", "  ", "\\d", "select 1;", "select ';';", "select 1; -- done", "-- a\n;"] {
            assert!(is_complete(text), "{text}");
        }
        for text in [
            "select 1",
            "select ';",
            "select \"a;",
            "select 1 -- ;",
            "select /* ; ",
            "select 1; select 'x'",
            "select 'it''s;",
        ] {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn words_are_completed_from_where_they_start() {
        let assistant = Assistant::new();
        let (start, words) = assistant.candidates("select * from BITCOIN.OUT");
        assert_eq!((start, words), (14, vec!["bitcoin.outputs".to_owned()]));
        assert!(assistant.candidates("select é(coinbase_v").1.contains(&"coinbase_value".into()));
        assert!(assistant.candidates("select ").1.is_empty());
    }
}
