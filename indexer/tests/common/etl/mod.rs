//! Comparing rows with those of ethereum-etl: each of its columns with ours, in every row. Where it
//! writes something else, a difference with a name says what, and how often is counted.

pub mod peer;
pub mod rebuilt;
pub mod row;
pub mod tables;
pub mod trace_tables;

use std::collections::BTreeMap;
use std::path::Path;

use self::peer::Fields;
use self::row::{Ours, Row};

/// One of its tables, and which of ours has the same rows.
pub struct Table {
    pub name: &'static str,
    /// Our table.
    pub ours: &'static str,
    /// Columns of numbers that its rows are put in order by; none if they are in order.
    pub key: &'static [&'static str],
    /// Rows that only we have.
    pub left_out: Option<LeftOut>,
    pub columns: &'static [Column],
}

/// Rows that it does not have.
pub struct LeftOut {
    pub name: &'static str,
    pub is: fn(&Row<'_>) -> bool,
}

/// One of its columns.
pub struct Column {
    pub theirs: &'static str,
    pub ours: Source,
    /// What it writes otherwise; the first that applies counts.
    pub differences: &'static [Difference],
}

/// What of ours says the same as one of its columns.
#[derive(Clone, Copy)]
pub enum Source {
    /// A column of the same row.
    Own(&'static str),
    /// A column of the block's row.
    OfBlock(&'static str),
    /// Something that follows from our rows.
    Made(fn(&Row<'_>) -> String),
    /// Nothing, and its column is always empty.
    Empty,
    /// Nothing, because its column says what is no part of a block. Values are counted by this name.
    Foreign(&'static str),
}

/// Something that it writes otherwise than we do.
pub struct Difference {
    pub name: &'static str,
    /// What it writes where it differs; `None` where it does not.
    pub theirs: fn(&Row<'_>) -> Option<String>,
}

/// A column without differences.
pub const fn same(theirs: &'static str, ours: Source) -> Column {
    Column { theirs, ours, differences: &[] }
}

/// What cannot be compared because a made-up block has something else there.
const UNKNOWN: &str = "what a made-up block does not know";

/// What was compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows by table.
    pub rows: BTreeMap<&'static str, usize>,
    /// Values that differ as they are said to, by the name of the difference.
    pub differences: BTreeMap<&'static str, usize>,
}

impl Tally {
    /// Compares `blocks` with the rows in `dir/name`; says whether there are any.
    pub fn compare_file(
        &mut self,
        table: &'static Table,
        blocks: &[&Ours],
        dir: &Path,
        name: &str,
    ) -> bool {
        let Some(rows) = peer::rows(dir, name) else { return false };
        let mut theirs = peer::by_height(rows, table.key);
        for ours in blocks {
            let theirs = theirs.remove(&ours.height()).unwrap_or_default();
            self.compare(table, ours, &theirs);
        }
        assert!(theirs.is_empty(), "{name} has other blocks: {:?}", theirs.keys());
        true
    }

    /// Compares the rows of one block with `theirs`, which are in the same order.
    pub fn compare(&mut self, table: &'static Table, ours: &Ours, theirs: &[Fields]) {
        let height = ours.height();
        let mut rows = ours.rows(table.ours);
        if let Some(LeftOut { name, is }) = &table.left_out {
            let before = rows.len();
            rows.retain(|row| !is(row));
            self.count(name, before - rows.len());
        }
        assert_eq!(rows.len(), theirs.len(), "block {height}: rows of {}", table.name);
        for (row, fields) in rows.iter().zip(theirs) {
            for (name, found) in fields {
                let column = table.columns.iter().find(|column| column.theirs == name);
                let column = column.unwrap_or_else(|| panic!("{}.{name} is new", table.name));
                let place = format!("block {height}, {} {}: {name}", table.name, row.at);
                self.compare_value(column, row, found, &place);
            }
        }
        *self.rows.entry(table.name).or_default() += rows.len();
    }

    fn compare_value(&mut self, column: &Column, row: &Row<'_>, found: &str, place: &str) {
        let own = match column.ours {
            Source::Own(name) => row.text(name),
            Source::OfBlock(name) => row.of_block(name),
            Source::Made(make) => make(row),
            Source::Empty => String::new(),
            Source::Foreign(name) => return self.count(name, usize::from(!found.is_empty())),
        };
        if row.ours.unknown.contains(&column.theirs) {
            assert_ne!(found, own, "{place}");
            return self.count(UNKNOWN, 1);
        }
        let mut differences = column.differences.iter();
        let difference = differences
            .find_map(|difference| (difference.theirs)(row).map(|text| (difference.name, text)));
        match difference {
            Some((name, text)) if text != own => {
                assert_eq!(found, text, "{place}");
                self.count(name, 1);
            }
            _ => assert_eq!(found, own, "{place}"),
        }
    }

    fn count(&mut self, name: &'static str, times: usize) {
        if times > 0 {
            *self.differences.entry(name).or_default() += times;
        }
    }

    /// Checks that this, and nothing else, was compared and found.
    pub fn check(&self, rows: &[(&'static str, usize)], differences: &[(&'static str, usize)]) {
        let [rows, differences] =
            [rows, differences].map(|counts| counts.iter().copied().collect::<BTreeMap<_, _>>());
        assert_eq!((&self.rows, &self.differences), (&rows, &differences));
    }
}
