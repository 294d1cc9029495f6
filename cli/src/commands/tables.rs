//! `assay tables`: every table and column in words.

use std::io::Write;

use anyhow::bail;
use assay_query::{Described, described_tables};
use serde_json::{Value, json};

use crate::args::{ReportFormat, TablesArgs};
use crate::exit::Outcome;
use crate::output::table::Table;
use crate::output::target::Target;

/// `assay tables`.
pub fn run(args: &TablesArgs) -> anyhow::Result<Outcome> {
    let mut target = Target::stdout();
    match (args.format, &args.name) {
        (ReportFormat::Table, None) => list(&mut target)?,
        (ReportFormat::Table, Some(name)) => describe(name, &mut target)?,
        (ReportFormat::Json, name) => {
            let tables = match name {
                Some(name) => in_json(find(name)?),
                None => described_tables().iter().map(in_json).collect(),
            };
            writeln!(target, "{tables:#}")?;
        }
    }
    target.finish()?;
    Ok(Outcome::Done)
}

/// Writes every table with its description.
pub fn list(out: &mut Target) -> anyhow::Result<()> {
    let mut table = Table::of_text(&["table", "kind", "description"], out);
    for described in described_tables() {
        let kind = described.kind.name().to_owned();
        table.push(vec![described.full_name(), kind, described.doc.to_owned()]);
    }
    Ok(table.print()?)
}

/// Writes the columns of the table `name` with their types and descriptions.
pub fn describe(name: &str, out: &mut Target) -> anyhow::Result<()> {
    let described = find(name)?;
    writeln!(out, "{} ({}): {}\n", described.full_name(), described.kind.name(), described.doc)?;
    let mut table = Table::of_text(&["column", "type", "null", "description"], out);
    for column in described.columns {
        let null = if column.nullable { "yes" } else { "no" };
        let cells = [column.name, column.kind.sql_name(), null, column.doc];
        table.push(cells.map(str::to_owned).to_vec());
    }
    Ok(table.print()?)
}

/// The table called `name`, with or without its schema.
fn find(name: &str) -> anyhow::Result<&'static Described> {
    let name = name.to_lowercase();
    let is_meant = |table: &&Described| table.full_name() == name || table.name == name;
    let found: Vec<_> = described_tables().iter().filter(is_meant).collect();
    match found[..] {
        [table] => Ok(table),
        [] => bail!("there is no table '{name}': `assay tables` lists those there are"),
        _ => {
            let names: Vec<_> = found.iter().map(|table| table.full_name()).collect();
            bail!("'{name}' may be {}", names.join(" or "))
        }
    }
}

fn in_json(table: &Described) -> Value {
    let columns = table.columns.iter().map(|column| {
        json!({
            "name": column.name,
            "type": column.kind.sql_name(),
            "nullable": column.nullable,
            "description": column.doc,
        })
    });
    json!({
        "schema": table.schema,
        "name": table.name,
        "kind": table.kind.name(),
        "description": table.doc,
        "columns": columns.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_with_and_without_its_schema() {
        assert_eq!(find("bitcoin.outputs").expect("there").full_name(), "bitcoin.outputs");
        assert_eq!(find("OUTPUTS").expect("there").full_name(), "bitcoin.outputs");
        assert!(find("nothing").expect_err("not there").to_string().contains("no table 'nothing'"));
    }
}
