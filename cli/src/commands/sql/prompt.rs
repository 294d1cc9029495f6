//! The prompt: reads statements from a terminal and shows their results.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use assay_query::Session;
use clap::ValueEnum;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use super::complete::Assistant;
use super::execute::{Shape, execute, remark};
use crate::commands::interrupt::unless_interrupted;
use crate::commands::{functions, tables};
use crate::exit::{self, Outcome};
use crate::output::target::Target;
use crate::output::{Format, stdout};
use crate::progress::Verbosity;

/// Statements that the history keeps.
const HISTORY_ENTRIES_MAX: usize = 10_000;

const HELP: &str = "\
SQL ends with ';' and may take several lines.
  \\d          list tables
  \\d TABLE    show the columns of a table
  \\df         list the functions that assay adds
  \\df NAME    explain a function
  \\f FORMAT   write results as table, csv, json or ndjson
  \\?          this help
  \\q          leave (or Ctrl-D)
Ctrl-C stops a running query and clears a line. Tab completes keywords, tables and columns.";

/// Reads and runs statements until the user leaves.
pub async fn run(
    session: &Session,
    mut shape: Shape,
    verbosity: Verbosity,
) -> anyhow::Result<Outcome> {
    let mut editor = editor().context("cannot read from the terminal")?;
    let history = history_file(|name| std::env::var_os(name).map(PathBuf::from));
    if let Some(path) = &history {
        match private_file(path).map(|()| editor.load_history(path)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("cannot read '{}': {error}", path.display()),
            Err(error) => tracing::warn!("cannot keep a history in '{}': {error}", path.display()),
        }
    }
    if verbosity.shows_progress() {
        eprintln!("SQL ends with ';'. \\? shows help, \\q leaves.");
    }
    loop {
        let line = match editor.readline("assay> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("cannot read from the terminal"),
        };
        if line.trim().is_empty() {
            continue;
        }
        // A history that cannot be written is no reason to stop: the first attempt said so.
        let _ = editor.add_history_entry(line.trim());
        if let Some(path) = &history {
            let _ = editor.append_history(path);
        }
        match step(session, &line, &mut shape, verbosity).await {
            Ok(Next::Go) => {}
            Ok(Next::Leave) => break,
            Err(_) if stdout::is_closed() => break,
            Err(error) => exit::say(&error),
        }
    }
    Ok(Outcome::Done)
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    Leave,
}

/// Does what one complete input says.
async fn step(
    session: &Session,
    line: &str,
    shape: &mut Shape,
    verbosity: Verbosity,
) -> anyhow::Result<Next> {
    match parse(line)? {
        Input::Leave => return Ok(Next::Leave),
        Input::Help => println!("{HELP}"),
        Input::Describe(name) => show(name, tables::describe, tables::list)?,
        Input::Functions(name) => show(name, functions::describe_named, functions::list)?,
        Input::Format(format) => shape.format = format,
        Input::Sql(sql) => {
            for statement in session.statements(sql)? {
                let started = Instant::now();
                let mut target = Target::stdout();
                let running = execute(session, statement, *shape, &mut target);
                let rows = unless_interrupted(running).await?;
                target.finish()?;
                remark(verbosity, rows, started.elapsed());
            }
        }
    }
    Ok(Next::Go)
}

/// Writes what there is to say about `name`, or the list of all.
fn show(
    name: Option<String>,
    one: impl FnOnce(&str, &mut Target) -> anyhow::Result<()>,
    all: impl FnOnce(&mut Target) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut target = Target::stdout();
    match name {
        Some(name) => one(&name, &mut target)?,
        None => all(&mut target)?,
    }
    target.finish()
}

/// What was typed at the prompt.
#[derive(Debug, PartialEq, Eq)]
enum Input<'a> {
    Leave,
    Help,
    Describe(Option<String>),
    Functions(Option<String>),
    Format(Format),
    Sql(&'a str),
}

fn parse(line: &str) -> anyhow::Result<Input<'_>> {
    let Some(command) = line.trim().strip_prefix('\\') else { return Ok(Input::Sql(line)) };
    let mut words = command.trim_end_matches(';').split_whitespace();
    let (name, argument) = (words.next(), words.next());
    Ok(match (name, argument) {
        (Some("q"), None) => Input::Leave,
        (Some("?" | "h"), None) => Input::Help,
        (Some("d"), name) => Input::Describe(name.map(str::to_owned)),
        (Some("df"), name) => Input::Functions(name.map(str::to_owned)),
        (Some("f"), Some(name)) => match Format::from_str(name, true) {
            Ok(format) if !format.is_binary() => Input::Format(format),
            Ok(_) => bail!("{name} is not for a terminal: use `assay sql -f {name} -o FILE`"),
            Err(_) => bail!("unknown format '{name}': use table, csv, json or ndjson"),
        },
        (Some("f"), None) => bail!("\\f needs a format: table, csv, json or ndjson"),
        _ => bail!("unknown command '\\{command}': \\? shows those there are"),
    })
}

fn editor() -> rustyline::Result<Editor<Assistant, FileHistory>> {
    let config = Config::builder()
        .max_history_size(HISTORY_ENTRIES_MAX)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Assistant::new()));
    Ok(editor)
}

/// The file of the history in the user's folder for state; `var` looks an environment variable up.
fn history_file(var: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // The specification has relative paths ignored.
    let state = var("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let state = state.or_else(|| var("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("assay/history"))
}

/// Makes sure that `path` exists and that only its owner can read it.
fn private_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use assay_query::output::Format as Rows;

    use super::*;

    #[test]
    fn commands_are_told_from_sql() {
        assert_eq!(parse("\\q").expect("known"), Input::Leave);
        assert_eq!(parse(" \\d bitcoin.blocks;").expect("known"), {
            Input::Describe(Some("bitcoin.blocks".into()))
        });
        assert_eq!(parse("\\df").expect("known"), Input::Functions(None));
        assert_eq!(parse("\\f CSV").expect("known"), Input::Format(Format::Rows(Rows::Csv)));
        assert_eq!(parse("select 1;").expect("SQL"), Input::Sql("select 1;"));
        for line in ["\\x", "\\f", "\\f parquet", "\\f xml", "\\"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_history_lies_in_the_users_folder_for_state_and_is_private() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/h"));
        assert_eq!(history_file(home), Some("/h/.local/state/assay/history".into()));
        let relative = |name: &str| (name == "XDG_STATE_HOME").then(|| PathBuf::from("s"));
        assert_eq!(history_file(relative), None);

        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state/assay/history");
        private_file(&path).expect("writable");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &fs::metadata(&path).expect("there").permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
