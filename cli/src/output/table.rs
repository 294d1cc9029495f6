//! Aligned columns for people.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay_query::output::{RowWriter, text};

use crate::human;

/// Longest line of a cell that is shown whole: a hash, an address and most scripts are shorter.
const CELL_CHARS_MAX: usize = 140;
/// Most lines of a cell that are shown: most plans of queries have fewer.
const CELL_LINES_MAX: usize = 100;
/// How many rows beyond those shown are counted, before "more than" is enough of an answer.
const COUNTED_MAX: u64 = 100_000;

/// A table that is laid out when all of its rows are known.
pub struct Table<W> {
    out: W,
    /// Rows that are shown; 0 for all.
    max_rows: u64,
    is_numeric: Vec<bool>,
    /// The header, then the rows.
    cells: Vec<Vec<String>>,
    left_out: u64,
}

impl<W: Write> Table<W> {
    /// An empty table with a column for every field of `schema`.
    pub fn of_rows(schema: &SchemaRef, max_rows: u64, out: W) -> Table<W> {
        let fields = schema.fields();
        let header = fields.iter().map(|field| cell(field.name())).collect();
        let is_numeric = fields.iter().map(|field| field.data_type().is_numeric()).collect();
        Table { out, max_rows, is_numeric, cells: vec![header], left_out: 0 }
    }

    /// An empty table with the columns `header`; those that start with `>` are aligned right.
    pub fn of_text(header: &[&str], out: W) -> Table<W> {
        let is_numeric = header.iter().map(|name| name.starts_with('>')).collect();
        let names = header.iter().map(|name| name.trim_start_matches('>').to_owned());
        Table { out, max_rows: 0, is_numeric, cells: vec![names.collect()], left_out: 0 }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<String>) {
        self.cells.push(row);
    }

    /// Lays out and writes all rows.
    pub fn print(&mut self) -> io::Result<()> {
        let mut widths = vec![0; self.is_numeric.len()];
        for row in &self.cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                let lines = cell.split('\n').map(|line| line.chars().count());
                *width = lines.fold(*width, usize::max);
            }
        }
        for (place, row) in self.cells.iter().enumerate() {
            let height = row.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(1);
            for line in 0..height {
                let parts = row.iter().map(|cell| cell.split('\n').nth(line).unwrap_or_default());
                let line = aligned(parts, &widths, &self.is_numeric);
                writeln!(self.out, "{}", line.trim_end())?;
            }
            if place == 0 {
                let rules: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
                writeln!(self.out, "{}", rules.join("-+-"))?;
            }
        }
        Ok(())
    }
}

/// One line of a row.
fn aligned<'a>(
    parts: impl Iterator<Item = &'a str>,
    widths: &[usize],
    is_numeric: &[bool],
) -> String {
    let mut line = String::new();
    for (column, part) in parts.enumerate() {
        if column > 0 {
            line.push_str(" | ");
        }
        let padding = " ".repeat(widths[column] - part.chars().count());
        let (before, after) = if is_numeric[column] { (&*padding, "") } else { ("", &*padding) };
        line.extend([before, part, after]);
    }
    line
}

impl<W: Write + Send> RowWriter for Table<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let shown = self.cells.len() as u64 - 1;
        let wanted = match self.max_rows {
            0 => batch.num_rows(),
            max => batch.num_rows().min(max.saturating_sub(shown) as usize),
        };
        self.left_out += (batch.num_rows() - wanted) as u64;
        let batch = text::flat(&batch.slice(0, wanted))?;
        let options = FormatOptions::default().with_null("NULL");
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| Ok(cell(&column.value(row).try_to_string()?)));
            self.cells.push(cells.collect::<Result<_, ArrowError>>()?);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.left_out > COUNTED_MAX
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.print()?;
        if self.left_out > 0 {
            let more = if self.is_full() { "more than " } else { "" };
            let left_out = human::counted(self.left_out.min(COUNTED_MAX), "more row");
            writeln!(self.out, "({more}{left_out}: --max-rows 0 shows all, -f csv writes all)")?;
        }
        Ok(self.out.flush()?)
    }
}

/// `text` with lines that are not too long and not too many, and without control characters: what
/// is on a chain may try to steer the terminal.
fn cell(text: &str) -> String {
    let mut lines = text.trim_end_matches('\n').split('\n');
    let mut cell = String::new();
    for (place, line) in lines.by_ref().take(CELL_LINES_MAX).enumerate() {
        if place > 0 {
            cell.push('\n');
        }
        for (place, char) in line.chars().enumerate() {
            if place == CELL_CHARS_MAX {
                cell.push('…');
                break;
            }
            if char.is_control() { cell.extend(char.escape_default()) } else { cell.push(char) }
        }
    }
    if lines.next().is_some() {
        cell.push_str("\n…");
    }
    cell
}
