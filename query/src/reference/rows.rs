//! Rows of a reference table, from CSV and to it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::temporal_conversions::date32_to_datetime;
use assay_model::reference::ReferenceTable;
use assay_model::{Column, ColumnType};

use super::check::{Today, check_row, check_rows};
use super::{Columns, Wrong};
use crate::analyses::calendar::DAY_MICROS;

/// The units in which hash rates are told, as columns end with them, in hashes a second.
const HASH_RATE_UNITS: [(&str, f64); 7] = [
    ("_hs", 1.0),
    ("_khs", 1e3),
    ("_mhs", 1e6),
    ("_ghs", 1e9),
    ("_ths", 1e12),
    ("_phs", 1e15),
    ("_ehs", 1e18),
];
/// Microseconds of a second.
const MICROS: i64 = 1_000_000;
/// What some programs begin a file of UTF-8 with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(f64),
    Whole(i64),
    /// Microseconds since 1970.
    Day(i64),
}

/// One row, in the order of the table's columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Where it is in its file.
    pub(crate) line: u64,
    pub(crate) cells: Vec<Cell>,
}

/// Rows of one table in the order of its key.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) table: &'static ReferenceTable,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// The text in the column at `place`; empty if there is none.
    pub(crate) fn text(&self, place: usize) -> &str {
        match &self.cells[place] {
            Cell::Text(text) => text,
            _ => "",
        }
    }

    /// The number in the column at `place`.
    pub(crate) fn number(&self, place: usize) -> Option<f64> {
        match &self.cells[place] {
            Cell::Number(number) => Some(*number),
            Cell::Whole(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The whole number, or the day, in the column at `place`.
    pub(crate) fn whole(&self, place: usize) -> Option<i64> {
        match &self.cells[place] {
            Cell::Whole(number) | Cell::Day(number) => Some(*number),
            _ => None,
        }
    }

    fn compare(&self, other: &Row, columns: usize) -> Ordering {
        let pairs = self.cells.iter().zip(&other.cells).take(columns);
        let unequal = pairs.map(|(a, b)| a.compare(b)).find(|order| order.is_ne());
        unequal.unwrap_or(Ordering::Equal)
    }
}

impl Cell {
    fn compare(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (Cell::Whole(a), Cell::Whole(b)) | (Cell::Day(a), Cell::Day(b)) => a.cmp(b),
            (Cell::Number(a), Cell::Number(b)) => a.total_cmp(b),
            // A column has one type.
            _ => Ordering::Equal,
        }
    }

    fn parse(text: &str, kind: ColumnType) -> Result<Cell, String> {
        let not = |what: &str| format!("'{text}' is not {what}");
        match kind {
            ColumnType::Float64 => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Cell::Number(number)),
                _ => Err(not("a number")),
            },
            ColumnType::Int32 => match text.parse::<i32>() {
                Ok(number) => Ok(Cell::Whole(number.into())),
                Err(_) => Err(not("a whole number")),
            },
            ColumnType::Int64 => match text.parse() {
                Ok(number) => Ok(Cell::Whole(number)),
                Err(_) => Err(not("a whole number")),
            },
            ColumnType::Time => {
                // Seconds since 1970, of years that chains have.
                let seconds = text.parse::<i64>().ok().filter(|_| (9..=10).contains(&text.len()));
                let micros = seconds.map(|seconds| seconds * MICROS);
                match micros.or_else(|| TimestampMicrosecondType::parse(text)) {
                    Some(micros) => Ok(Cell::Day(micros.div_euclid(DAY_MICROS) * DAY_MICROS)),
                    None => Err(not("a day like 2020-12-31, nor a time in seconds since 1970")),
                }
            }
            _ => Ok(Cell::Text(text.to_owned())),
        }
    }

    fn show(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Whole(number) => number.to_string(),
            Cell::Day(micros) => show_day(*micros),
        }
    }
}

/// A day as people write it.
pub(crate) fn show_day(micros: i64) -> String {
    let day = i32::try_from(micros.div_euclid(DAY_MICROS)).ok().and_then(date32_to_datetime);
    day.map_or_else(|| micros.to_string(), |day| day.date().to_string())
}

/// A day as people write it, in microseconds since 1970.
pub(crate) fn day(text: &str) -> Option<i64> {
    Date32Type::parse(text).map(|day| i64::from(day) * DAY_MICROS)
}

impl Rows {
    /// The rows of `table` in CSV with a header.
    pub(crate) fn read(
        table: &'static ReferenceTable,
        text: &[u8],
        columns: &Columns,
        today: Today,
    ) -> Result<Rows, Wrong> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let header = reader.headers().map_err(wrong_csv)?.clone();
        let header: Vec<String> = header.iter().map(str::to_lowercase).collect();
        let origins = table.columns.iter().map(|column| origin(column, &header, columns));
        let origins = origins.collect::<Result<Vec<_>, _>>().map_err(|r| Wrong::at(1, r))?;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(wrong_csv)?;
            let line = record.position().map_or(0, csv::Position::line);
            let cells = table.columns.iter().zip(&origins).map(|(column, origin)| {
                origin.cell(&record, column).map_err(|reason| Wrong::at(line, reason))
            });
            let row = Row { line, cells: cells.collect::<Result<_, _>>()? };
            check_row(table, &row, today).map_err(|reason| Wrong::at(line, reason))?;
            rows.push(row);
        }
        let rows = Rows::new(table, rows)?;
        check_rows(&rows)?;
        Ok(rows)
    }

    /// `rows` in the order of the key, of which each has its own.
    pub(crate) fn new(table: &'static ReferenceTable, mut rows: Vec<Row>) -> Result<Rows, Wrong> {
        let key = table.key.len();
        rows.sort_by(|a, b| a.compare(b, key));
        for pair in rows.windows(2) {
            if pair[0].compare(&pair[1], key).is_eq() {
                let shown: Vec<_> = pair[0].cells[..key].iter().map(Cell::show).collect();
                let (first, second) =
                    (pair[0].line.min(pair[1].line), pair[0].line.max(pair[1].line));
                let reason = format!("{} was on line {first} already", shown.join(", "));
                return Err(Wrong::at(second, reason));
            }
        }
        Ok(Rows { table, rows })
    }

    /// These rows, and those of `others` whose series are not among them.
    pub(crate) fn instead_of(self, others: &Rows) -> Rows {
        let Rows { table, mut rows } = self;
        let series = table.series.len();
        let name = |row: &Row| row.cells[..series].iter().map(Cell::show).collect::<Vec<_>>();
        let replaced: HashSet<_> = rows.iter().map(&name).collect();
        // Of a table without series, all rows are of the one that has no name.
        rows.extend(others.rows.iter().filter(|row| !replaced.contains(&name(row))).cloned());
        let key = table.key.len();
        rows.sort_by(|a, b| a.compare(b, key));
        Rows { table, rows }
    }

    /// The rows as CSV that [`Rows::read`] takes.
    pub(crate) fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = self.table.columns.iter().map(|column| column.name);
        let lines = self.rows.iter().map(|row| row.cells.iter().map(Cell::show));
        writer.write_record(names).expect("memory takes all");
        lines.for_each(|line| writer.write_record(line).expect("rows are as wide as the header"));
        writer.into_inner().expect("memory takes all")
    }

    /// The rows as the engine reads them.
    pub(crate) fn to_batch(&self) -> Result<RecordBatch, ArrowError> {
        let columns = self.table.columns.iter().enumerate();
        let columns = columns.map(|(place, column)| self.array(place, column)).collect();
        RecordBatch::try_new(self.table.schema(), columns)
    }

    fn array(&self, place: usize, column: &Column) -> ArrayRef {
        let rows = self.rows.iter();
        match column.kind {
            ColumnType::Float64 => {
                Arc::new(rows.map(|row| row.number(place)).collect::<Float64Array>())
            }
            ColumnType::Int32 => {
                let whole = |row: &Row| row.whole(place).and_then(|n| i32::try_from(n).ok());
                Arc::new(rows.map(whole).collect::<Int32Array>())
            }
            ColumnType::Int64 => Arc::new(rows.map(|row| row.whole(place)).collect::<Int64Array>()),
            ColumnType::Time => {
                let days = rows.map(|row| row.whole(place));
                Arc::new(days.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            _ => Arc::new(rows.map(|row| Some(row.text(place))).collect::<StringArray>()),
        }
    }
}

/// Where the values of a column come from.
#[derive(Clone, Debug, PartialEq)]
enum Origin {
    /// A column of the file, whose numbers are to be multiplied.
    Column { place: usize, factor: f64 },
    /// One value for all rows.
    Constant(Cell),
}

impl Origin {
    fn cell(&self, record: &csv::StringRecord, column: &Column) -> Result<Cell, String> {
        let (place, factor) = match self {
            Origin::Constant(cell) => return Ok(cell.clone()),
            Origin::Column { place, factor } => (*place, *factor),
        };
        let text = record.get(place).unwrap_or_default();
        match (text, column.nullable) {
            ("", true) => Ok(Cell::Null),
            ("", false) => Err(format!("{} is missing", column.name)),
            (text, _) => match Cell::parse(text, column.kind) {
                Ok(Cell::Number(number)) if factor != 1.0 => Ok(Cell::Number(number * factor)),
                cell => cell.map_err(|reason| format!("{}: {reason}", column.name)),
            },
        }
    }
}

/// Where `column` comes from in a file with the names `header`.
fn origin(column: &Column, header: &[String], columns: &Columns) -> Result<Origin, String> {
    if let Some(value) = columns.constants.get(column.name) {
        let cell = Cell::parse(value.trim(), column.kind);
        return cell.map(Origin::Constant).map_err(|reason| format!("{}: {reason}", column.name));
    }
    let named = columns.names.get(column.name);
    let wanted = named.map_or(column.name.to_owned(), |name| name.trim().to_lowercase());
    if let Some(place) = header.iter().position(|name| *name == wanted) {
        return Ok(Origin::Column { place, factor: 1.0 });
    }
    let in_other_unit = in_other_units(column.name).find_map(|(name, factor)| {
        let wanted = columns.names.get(&name).map_or(name, |named| named.trim().to_lowercase());
        Some((header.iter().position(|found| *found == wanted)?, factor))
    });
    match in_other_unit {
        Some((place, factor)) if named.is_none() => Ok(Origin::Column { place, factor }),
        _ if column.nullable && named.is_none() => Ok(Origin::Constant(Cell::Null)),
        _ => Err(format!(
            "there is no column '{wanted}' among {}: say which is {name} with --column {name}=…, or what it is in all rows with --set {name}=…",
            header.join(", "),
            name = column.name,
        )),
    }
}

/// The names of a column of hash rates in other units, and by what such numbers are to be multiplied.
pub(super) fn in_other_units(name: &str) -> impl Iterator<Item = (String, f64)> + '_ {
    let own = HASH_RATE_UNITS.iter().find(|(end, _)| name.ends_with(end));
    own.into_iter().flat_map(move |(end, unit)| {
        let stem = &name[..name.len() - end.len()];
        HASH_RATE_UNITS.iter().map(move |(other, size)| (format!("{stem}{other}"), size / unit))
    })
}

/// An error of the reader of CSV, and where it is.
pub(super) fn wrong_csv(error: csv::Error) -> Wrong {
    let line = error.position().map_or(0, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} values where the header has {expected_len} names")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => "it is not CSV".to_owned(),
    };
    Wrong::at(line, reason)
}
