//! Runs files in the format of `sqllogictest`: what users see of SQL, statement by statement.
//!
//! A record is `query` or `query error <part of the message>`, the statement, and for the former
//! `----` with the rows. With `ASSAY_SLT_COMPLETE=1` the rows are written into the file instead of
//! compared.

use std::fs;
use std::path::Path;

use assay_query::Session;

use super::rows;

/// Runs every file of records in `folder`, which is one of this crate.
pub async fn run_all(session: &Session, folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut count = 0;
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            run(session, &path).await;
            count += 1;
        }
    }
    assert!(count > 0);
}

/// Runs every record of the file and fails with all differences.
async fn run(session: &Session, path: &Path) {
    let text = fs::read_to_string(path).expect("a file of records");
    let complete = std::env::var_os("ASSAY_SLT_COMPLETE").is_some();
    let (mut completed, mut differences, mut queries) = (Vec::new(), Vec::new(), 0);
    for record in text.trim_end().split("\n\n") {
        let start = record.lines().position(|line| line.starts_with("query"));
        let Some(start) = start else {
            completed.push(record.to_owned());
            continue;
        };
        queries += 1;
        let lines: Vec<_> = record.lines().collect();
        let end = lines.iter().position(|line| *line == "----").unwrap_or(lines.len());
        let sql = lines[start + 1..end].join("\n");
        let expected_error = lines[start].strip_prefix("query error ");
        let actual = rows(session, &sql).await.map_err(|error| error.to_string());
        match (expected_error, &actual) {
            (Some(part), Err(error)) if error.contains(part) => {}
            (None, Ok(actual)) if lines.get(end + 1..).unwrap_or_default() == actual.as_slice() => {
            }
            (_, actual) => differences.push(format!("{sql}\n  gave {actual:#?}")),
        }
        let head = lines[..end].join("\n");
        completed.push(match actual {
            Ok(rows) if expected_error.is_none() => format!("{head}\n----\n{}", rows.join("\n")),
            _ => head,
        });
    }
    assert!(queries > 0, "{} has no query", path.display());
    if complete {
        fs::write(path, completed.join("\n\n") + "\n").expect("a file of records");
    } else {
        assert!(differences.is_empty(), "{}:\n{}", path.display(), differences.join("\n\n"));
    }
}
