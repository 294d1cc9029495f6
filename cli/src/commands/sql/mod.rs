//! `assay sql`: runs SQL and writes its results, or starts a prompt for it.

mod complete;
mod execute;
mod prompt;

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use assay_query::Session;

use self::execute::{Shape, execute};
use super::interrupt::unless_interrupted;
use crate::args::SqlArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::output::Format;
use crate::output::target::Target;

/// `assay sql`.
pub async fn run(config: &Config, args: &SqlArgs) -> anyhow::Result<Outcome> {
    let output = args.output.as_deref();
    let shape = Shape { format: format(args.format, output)?, max_rows: args.max_rows };
    if shape.format.is_binary() && Target::is_terminal(output) {
        bail!(
            "{} is not for a terminal: name a file with -o FILE, or pipe it into a program",
            shape.format.name()
        );
    }
    let Some(sql) = text(args)? else {
        let session = Session::open(config.session_options()?).await?;
        return prompt::run(&session, shape, config.verbosity).await;
    };
    let session = Session::open(config.session_options()?).await?;
    match output {
        // Until it has its name the file is ours to remove, so an interruption comes here first.
        Some(path) => {
            let target = Target::file(path)?;
            unless_interrupted(all(&session, &sql, shape, config, target)).await?;
        }
        None => all(&session, &sql, shape, config, Target::stdout()).await?,
    }
    Ok(Outcome::Done)
}

/// Runs all statements of `sql`; their results follow each other in `target`.
async fn all(
    session: &Session,
    sql: &str,
    shape: Shape,
    config: &Config,
    mut target: Target,
) -> anyhow::Result<()> {
    let statements = session.statements(sql)?;
    ensure!(!statements.is_empty(), "there is no statement in the SQL text");
    ensure!(
        statements.len() == 1 || !shape.format.is_binary(),
        "{} holds one result, and these are {} statements: run one at a time, or use csv, json or ndjson",
        shape.format.name(),
        statements.len()
    );
    for (place, statement) in statements.into_iter().enumerate() {
        if place > 0 {
            target.write_all(shape.format.separator().as_bytes())?;
        }
        let started = Instant::now();
        let rows = execute(session, statement, shape, &mut target).await?;
        if shape.format == Format::Table && io::stdout().is_terminal() {
            target.flush()?;
            execute::remark(config.verbosity, rows, started.elapsed());
        }
    }
    target.finish()
}

/// The SQL text that was typed or named; `None` asks for the prompt.
fn text(args: &SqlArgs) -> anyhow::Result<Option<String>> {
    if let Some(sql) = &args.sql {
        return Ok(Some(sql.clone()));
    }
    match &args.file {
        Some(path) if path != Path::new("-") => fs::read_to_string(path)
            .map(Some)
            .with_context(|| format!("cannot read the SQL text '{}'", path.display())),
        None if io::stdin().is_terminal() => {
            ensure!(
                args.output.is_none() && io::stdout().is_terminal(),
                "no SQL text: give it as an argument, with --file FILE, or on standard input"
            );
            Ok(None)
        }
        _ => {
            let mut sql = String::new();
            io::stdin()
                .read_to_string(&mut sql)
                .context("cannot read the SQL text from standard input")?;
            Ok(Some(sql))
        }
    }
}

/// The format that was asked for, or that the name of the file stands for.
fn format(asked: Option<Format>, output: Option<&Path>) -> anyhow::Result<Format> {
    match (asked, output) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Table),
        (None, Some(path)) => Format::of_file(path).with_context(|| {
            format!("cannot tell the format of '{}' from its name: add -f FORMAT", path.display())
        }),
    }
}

#[cfg(test)]
mod tests {
    use assay_query::output::Format as Rows;

    use super::*;

    #[test]
    fn the_format_is_the_one_asked_for_or_that_of_the_files_name() {
        let of = |asked, output: Option<&str>| format(asked, output.map(Path::new)).ok();
        assert_eq!(of(None, None), Some(Format::Table));
        assert_eq!(of(None, Some("a.txt")), Some(Format::Table));
        assert_eq!(
            of(Some(Format::Rows(Rows::Csv)), Some("a.json")),
            Some(Format::Rows(Rows::Csv))
        );
        let names = [
            ("a.csv", Rows::Csv),
            ("a.JSON", Rows::Json),
            ("a.ndjson", Rows::Ndjson),
            ("a.jsonl", Rows::Ndjson),
            ("a.parquet", Rows::Parquet),
            ("a.arrow", Rows::Arrow),
            ("a.feather", Rows::Arrow),
            ("a.arrows", Rows::ArrowStream),
        ];
        for (name, expected) in names {
            assert_eq!(of(None, Some(name)), Some(Format::Rows(expected)), "{name}");
        }
        assert_eq!(of(None, Some("a.xlsx")), None);
        assert_eq!(of(None, Some("csv")), None);
    }
}
