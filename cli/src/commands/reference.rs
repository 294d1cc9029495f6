//! `assay reference`: what figures rest on that no chain knows.

use std::io::Write;

use anyhow::Context;
use assay_query::reference::{self, Columns, Imported};

use crate::args::{ImportArgs, ReferenceAction, ReferenceArgs};
use crate::config::Config;
use crate::exit::Outcome;
use crate::human;
use crate::output::table::Table;
use crate::output::target::Target;

/// `assay reference`.
pub fn run(config: &Config, args: &ReferenceArgs) -> anyhow::Result<Outcome> {
    let dir = &config.lake_dir;
    match &args.action {
        ReferenceAction::List => list(config)?,
        ReferenceAction::Import(typed) => {
            let imported = import(config, typed)?;
            config.verbosity.remark(report(imported));
        }
        ReferenceAction::Export(typed) => {
            let text = reference::export(dir, &typed.table)?;
            let mut target = typed.output.as_deref().map_or(Ok(Target::stdout()), Target::file)?;
            target.write_all(&text)?;
            target.finish()?;
        }
        ReferenceAction::Reset(typed) => {
            let said = match reference::reset(dir, &typed.table)? {
                true => "is what comes with the program again",
                false => "is what comes with the program: nothing was imported",
            };
            config.verbosity.remark(format!("reference.{} {said}", typed.table));
        }
    }
    Ok(Outcome::Done)
}

fn import(config: &Config, args: &ImportArgs) -> anyhow::Result<Imported> {
    let columns = columns(&args.column, &args.set);
    reference::import(&config.lake_dir, &args.table, &args.file, &columns)
        .context("nothing was imported")
}

fn columns(names: &[(String, String)], constants: &[(String, String)]) -> Columns {
    Columns {
        names: names.iter().cloned().collect(),
        constants: constants.iter().cloned().collect(),
    }
}

fn report(imported: Imported) -> String {
    let rows = human::counted(imported.rows as u64, "row");
    let all = human::count(imported.all as u64);
    format!("imported {rows} into reference.{}, which has {all} now", imported.table)
}

fn list(config: &Config) -> anyhow::Result<()> {
    let mut target = Target::stdout();
    let mut table = Table::of_text(&["table", "rows", "imported", "what a row is"], &mut target);
    for listed in reference::list(&config.lake_dir)? {
        let imported = listed.imported.map_or("-".to_owned(), |rows| human::count(rows as u64));
        let rows = human::count(listed.rows as u64);
        table.push(vec![listed.table.name.to_owned(), rows, imported, listed.table.doc.to_owned()]);
    }
    table.print()?;
    target.finish()?;
    Ok(())
}
