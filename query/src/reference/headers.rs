//! Hash rates out of the headers of a chain, for those who have no full chain.

use assay_model::Chain;
use assay_model::reference::HASH_RATES;

use super::rows::{Cell, Row};
use super::{Columns, Rows, Today, Wrong};
use crate::analyses::calendar::{DAY_MICROS, whole_days};
use crate::analyses::energy::{hash_rate_ths, target_difficulty};

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;
/// How far a header may be behind the one before it: an hour more than what a median of eleven allows.
const MAX_BACK_SECONDS: i64 = 4 * 3_600;

/// One header of a file.
struct Header {
    height: u64,
    /// Seconds since 1970.
    time: i64,
    difficulty: f64,
}

/// What the headers in `text`, CSV of consecutive heights, say of each whole day.
pub(super) fn hash_rates(text: &[u8], columns: &Columns, today: Today) -> Result<Rows, Wrong> {
    let named = columns.constants.get("chain").map_or("", String::as_str);
    let chain = Chain::ALL.into_iter().find(|chain| chain.name() == named).ok_or_else(|| {
        Wrong::at(
            1,
            "whose headers are they? Say it with --set chain=bitcoin or --set chain=ethereum"
                .to_owned(),
        )
    })?;
    let headers = read(text, columns, today)?;
    let Some(first) = headers.first() else {
        return Err(Wrong::at(1, "there are no headers".to_owned()));
    };
    let times: Vec<_> = headers.iter().map(|header| header.time * MICROS).collect();
    let mut rows = Vec::new();
    let mut done = 0;
    for day in whole_days(first.height, &times, 0) {
        let end = (day.last + 1 - first.height) as usize;
        let blocks = &headers[done..end.max(done)];
        let work: f64 = blocks.iter().map(|header| header.difficulty).sum();
        let source =
            format!("headers {} to {}", first.height, headers.len() as u64 + first.height - 1);
        rows.push(Row {
            line: 0,
            cells: vec![
                Cell::Text(chain.name().to_owned()),
                Cell::Day(day.start),
                Cell::Number(hash_rate_ths(chain, work, DAY_MICROS / MICROS)),
                Cell::Whole(blocks.len() as i64),
                Cell::Null,
                Cell::Text(source),
            ],
        });
        done = end.max(done);
    }
    Rows::new(&HASH_RATES, rows)
}

fn read(text: &[u8], columns: &Columns, today: Today) -> Result<Vec<Header>, Wrong> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let wrong = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        Wrong::at(line, format!("it is not CSV: {error}"))
    };
    let header = reader.headers().map_err(wrong)?.clone();
    let place = |name: &str| {
        let wanted = columns.names.get(name).map_or(name, String::as_str);
        header.iter().position(|found| found.eq_ignore_ascii_case(wanted))
    };
    let missing = |name: &str| {
        let found = header.iter().collect::<Vec<_>>().join(", ");
        Wrong::at(
            1,
            format!(
                "there is no column '{name}' among {found}: say which it is with --column {name}=…"
            ),
        )
    };
    let height = place("height").ok_or_else(|| missing("height"))?;
    let time = place("time").ok_or_else(|| missing("time"))?;
    let (difficulty, bits) = (place("difficulty"), place("bits"));
    if difficulty.or(bits).is_none() {
        return Err(missing("difficulty"));
    }
    let mut headers: Vec<Header> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let at = |reason: String| Wrong::at(line, reason);
        let height: u64 =
            cell(height).parse().map_err(|_| at(format!("'{}' is no height", cell(height))))?;
        let time: i64 = cell(time)
            .parse()
            .map_err(|_| at(format!("'{}' is no time, seconds since 1970", cell(time))))?;
        let difficulty = match (difficulty, bits) {
            (Some(place), _) => cell(place).parse().ok(),
            (None, Some(place)) => u32::from_str_radix(cell(place).trim_start_matches("0x"), 16)
                .ok()
                .and_then(target_difficulty),
            (None, None) => None,
        };
        let difficulty: f64 = difficulty
            .filter(|difficulty: &f64| difficulty.is_finite() && *difficulty > 0.0)
            .ok_or_else(|| at("it has no difficulty".to_owned()))?;
        if time.saturating_mul(MICROS) > today {
            return Err(at(format!("its time {time} is to come")));
        }
        if let Some(before) = headers.last() {
            if height != before.height + 1 {
                return Err(at(format!(
                    "height {height} is out of order: {} is to come here",
                    before.height + 1
                )));
            }
            if time < before.time - MAX_BACK_SECONDS {
                return Err(at(format!(
                    "its time {time} is hours before that of the header before it"
                )));
            }
        }
        headers.push(Header { height, time, difficulty });
    }
    Ok(headers)
}
