//! How the program ends: exit codes, and errors in words.
//!
//! # Invariants
//!
//! * 0 is done, 1 is "`verify` found differences", 2 is "could not do it", usage errors included.
//! * A reader that closes its end of the pipe (`| head`) is success.
//! * An error is one line, then one line a cause; a cause that was already said is not said again.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::output::stdout;

/// What a command that could be carried out came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Done,
    /// The data differs from what it must be.
    Differences,
}

/// The exit code of a command; says on stderr what went wrong.
pub fn code(result: anyhow::Result<Outcome>) -> ExitCode {
    // What is still buffered may be the first to find the pipe closed.
    let result = result.and_then(|outcome| {
        stdout::flush()?;
        Ok(outcome)
    });
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Differences) => ExitCode::from(1),
        Err(_) if stdout::is_closed() => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::from(2)
        }
    }
}

/// Prints what clap has to say: help and version (code 0), or a usage error (code 2).
pub fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// Prints `error` on stderr.
pub fn say(error: &anyhow::Error) {
    let mut stderr = io::stderr().lock();
    for line in lines(error) {
        // Nobody is left to tell if this fails.
        let _ = writeln!(stderr, "{line}");
    }
}

fn lines(error: &anyhow::Error) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = one_line(&cause.to_string());
        if lines.iter().any(|line| line.contains(&text)) {
            continue;
        }
        let prefix = if lines.is_empty() { "assay: " } else { "  because: " };
        lines.push(format!("{prefix}{text}"));
    }
    lines
}

/// `error` and its causes in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = one_line(&error.to_string());
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts.join(": ")
}

/// `text` without line breaks and control characters: it may quote foreign data.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|char| !char.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn causes_follow_one_a_line_and_are_not_repeated() {
        let error = anyhow!("disk\nfull").context("disk full").context("cannot write 'x'");
        assert_eq!(lines(&error), ["assay: cannot write 'x'", "  because: disk full"]);
    }

    #[test]
    fn an_error_cannot_steer_the_terminal() {
        assert_eq!(one_line("a\u{1b}[31m\tb"), "a[31m b");
    }
}
