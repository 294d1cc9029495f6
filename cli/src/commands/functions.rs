//! `assay functions`: every SQL function of assay in words.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::bail;
use assay_query::{DescribedFunction, described_functions};
use serde_json::{Value, json};

use crate::args::{FunctionsArgs, FunctionsFormat};
use crate::exit::Outcome;
use crate::output::table::Table;
use crate::output::target::Target;

/// `assay functions`.
pub fn run(args: &FunctionsArgs) -> anyhow::Result<Outcome> {
    let mut functions = described_functions();
    if let Some(name) = &args.name {
        functions = vec![find(name)?];
    }
    let mut target = Target::stdout();
    match args.format {
        FunctionsFormat::Table if args.name.is_none() => list(&mut target)?,
        FunctionsFormat::Table => describe(&functions[0], &mut target)?,
        FunctionsFormat::Json => {
            writeln!(target, "{:#}", functions.iter().map(in_json).collect::<Value>())?;
        }
        FunctionsFormat::Markdown => write!(target, "{}", in_markdown(&functions))?,
    }
    target.finish()?;
    Ok(Outcome::Done)
}

/// Writes every function with its description.
pub fn list(out: &mut Target) -> anyhow::Result<()> {
    let mut table = Table::of_text(&["function", "kind", "description"], out);
    for function in described_functions() {
        let kind = function.kind.name().to_owned();
        table.push(vec![function.syntax, kind, function.doc]);
    }
    Ok(table.print()?)
}

/// Writes what there is to say about the function `name`.
pub fn describe_named(name: &str, out: &mut Target) -> anyhow::Result<()> {
    describe(&find(name)?, out)
}

fn describe(function: &DescribedFunction, out: &mut Target) -> anyhow::Result<()> {
    writeln!(out, "{} ({}): {}", function.syntax, function.kind.name(), function.doc)?;
    if !function.arguments.is_empty() {
        writeln!(out)?;
        let mut table = Table::of_text(&["argument", "description"], &mut *out);
        for (name, doc) in &function.arguments {
            table.push(vec![name.clone(), doc.clone()]);
        }
        table.print()?;
    }
    if let Some(example) = &function.example {
        writeln!(out, "\nExample:\n  {example}")?;
    }
    Ok(())
}

fn find(name: &str) -> anyhow::Result<DescribedFunction> {
    let lower = name.to_lowercase();
    let found = described_functions().into_iter().find(|function| function.name == lower);
    let Some(function) = found else {
        bail!("assay adds no function '{name}': `assay functions` lists those that it adds")
    };
    Ok(function)
}

fn in_json(function: &DescribedFunction) -> Value {
    let arguments = function.arguments.iter();
    let arguments = arguments.map(|(name, doc)| json!({ "name": name, "description": doc }));
    json!({
        "name": function.name,
        "kind": function.kind.name(),
        "syntax": function.syntax,
        "description": function.doc,
        "arguments": arguments.collect::<Vec<_>>(),
        "example": function.example,
    })
}

/// The reference.
fn in_markdown(functions: &[DescribedFunction]) -> String {
    let mut text = "# SQL functions\n\nWhat assay adds to the functions of \
        [DataFusion](https://datafusion.apache.org/user-guide/sql/). The same is in \
        `system.functions`.\n\n\
        This page is what `assay functions -f markdown` prints.\n"
        .to_owned();
    for function in functions {
        let kind = function.kind.name();
        let _ = write!(text, "\n## `{}`\n\n*{kind}.* {}\n", function.syntax, function.doc);
        let arguments = function.arguments.iter();
        let arguments: Vec<_> =
            arguments.map(|(name, doc)| format!("- `{name}`: {doc}\n")).collect();
        if !arguments.is_empty() {
            let _ = write!(text, "\n{}", arguments.concat());
        }
        if let Some(example) = &function.example {
            let _ = write!(text, "\n```sql\n{example}\n```\n");
        }
    }
    text
}
