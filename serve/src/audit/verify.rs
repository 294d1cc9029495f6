//! Whether every line of an audit log follows the one before it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::MAX_LINE_BYTES;
use super::entry::{Line, NO_LINE, hash};

/// What a log that is whole comes to: to be noted elsewhere, so that lines missing at its end show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many lines it has.
    pub lines: u64,
    /// SHA-256 of the last one; zeros if there is none.
    pub last_hash: String,
}

/// Why a log is not what was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file cannot be read.
    #[error("cannot read '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line is not what was written there.
    #[error("'{}' was changed: line {line} {reason}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The first line that is wrong, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads the log at `path` from its first line to its last.
pub fn verify(path: &Path) -> Result<Verified, AuditError> {
    let fail = |source| AuditError::Read { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(fail)?);
    let mut verified = Verified { lines: 0, last_hash: NO_LINE.to_owned() };
    let mut text = Vec::new();
    loop {
        text.clear();
        let mut line = reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        if line.read_until(b'\n', &mut text).map_err(fail)? == 0 {
            return Ok(verified);
        }
        verified = follow(&verified, &text).map_err(|reason| AuditError::Changed {
            path: path.to_owned(),
            line: verified.lines + 1,
            reason,
        })?;
    }
}

/// What the log comes to with one more line, or why that does not follow.
fn follow(before: &Verified, text: &[u8]) -> Result<Verified, String> {
    let text = text.strip_suffix(b"\n").ok_or("is not whole")?;
    let line: Line =
        serde_json::from_slice(text).map_err(|error| format!("is no entry: {error}"))?;
    let number = before.lines + 1;
    if line.sequence != number {
        return Err(format!("has number {}", line.sequence));
    }
    if line.previous != before.last_hash {
        return Err("does not follow the line before it".to_owned());
    }
    Ok(Verified { lines: number, last_hash: hash(text) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::entry::example;
    use super::*;

    fn log(dir: &Path, count: u64) -> (PathBuf, Vec<String>) {
        let path = dir.join("audit.jsonl");
        let mut previous = NO_LINE.to_owned();
        let mut lines = Vec::new();
        for sequence in 1..=count {
            let line = Line { sequence, previous, entry: example(&format!("select {sequence}")) };
            let text = serde_json::to_string(&line).expect("JSON");
            previous = hash(text.as_bytes());
            lines.push(text);
        }
        (path, lines)
    }

    #[test]
    fn what_was_done_to_a_log_shows() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, lines) = log(dir.path(), 5);
        let write = |lines: &[String]| {
            fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>())
                .expect("written");
        };
        let wrong_line = || match verify(&path) {
            Err(AuditError::Changed { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        write(&lines);
        let whole = verify(&path).expect("as written");
        assert_eq!(whole.lines, 5);

        let mut removed = lines.clone();
        removed.remove(2);
        write(&removed);
        assert_eq!(wrong_line(), 3);

        let mut changed = lines.clone();
        changed[1] = changed[1].replace("select 2", "select 9");
        write(&changed);
        assert_eq!(wrong_line(), 3);

        write(&lines[1..]);
        assert_eq!(wrong_line(), 1);

        let mut swapped = lines.clone();
        swapped.swap(2, 3);
        write(&swapped);
        assert_eq!(wrong_line(), 3);

        // The end alone can go unseen; its number and hash are then others.
        write(&lines[..4]);
        assert_ne!(verify(&path).expect("the rest follows"), whole);

        fs::write(&path, &lines[0]).expect("written");
        assert_eq!(wrong_line(), 1);
    }
}
