//! Hash rates out of the headers of a chain, for those who have no full chain.

use assay_model::Chain;
use assay_model::reference::HASH_RATES;

use super::rows::{Cell, Row, wrong_csv};
use super::{Columns, Rows, Today, Wrong};
use crate::analyses::calendar::{DAY_MICROS, whole_days};
use crate::analyses::energy::{hash_rate_ths, target_difficulty};

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;
/// The time of the first header of all, Bitcoin's, seconds since 1970.
const FIRST_TIME: i64 = 1_231_006_505;
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

/// Where in a record the parts of a header are.
struct Places {
    height: usize,
    time: usize,
    work: Work,
}

/// In what form a header says how much work it takes.
enum Work {
    Difficulty(usize),
    Bits(usize),
}

impl Places {
    fn find(header: &csv::StringRecord, columns: &Columns) -> Result<Places, Wrong> {
        let place = |name: &str| {
            let wanted = columns.names.get(name).map_or(name, String::as_str);
            header.iter().position(|found| found.eq_ignore_ascii_case(wanted))
        };
        let missing = |name: &str| {
            let found = header.iter().collect::<Vec<_>>().join(", ");
            let reason = format!(
                "there is no column '{name}' among {found}: say which it is with --column {name}=…"
            );
            Wrong::at(1, reason)
        };
        let work = place("difficulty").map(Work::Difficulty).or(place("bits").map(Work::Bits));
        Ok(Places {
            height: place("height").ok_or_else(|| missing("height"))?,
            time: place("time").ok_or_else(|| missing("time"))?,
            work: work.ok_or_else(|| missing("difficulty"))?,
        })
    }
}

impl Header {
    fn parse(record: &csv::StringRecord, places: &Places) -> Result<Header, String> {
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let height = cell(places.height);
        let time = cell(places.time);
        let difficulty = match places.work {
            Work::Difficulty(place) => cell(place).parse().ok(),
            Work::Bits(place) => u32::from_str_radix(cell(place).trim_start_matches("0x"), 16)
                .ok()
                .and_then(target_difficulty),
        };
        Ok(Header {
            height: height.parse().map_err(|_| format!("'{height}' is no height"))?,
            time: time.parse().map_err(|_| format!("'{time}' is no time, seconds since 1970"))?,
            difficulty: difficulty
                .filter(|difficulty: &f64| difficulty.is_finite() && *difficulty > 0.0)
                .ok_or("it has no difficulty")?,
        })
    }

    /// Why it cannot come after `before`, or at all.
    fn check(&self, before: Option<&Header>, today: Today) -> Result<(), String> {
        let Header { height, time, .. } = self;
        if *time < FIRST_TIME || *time > today / MICROS {
            return Err(format!("its time {time} is before 2009, or is to come"));
        }
        let Some(before) = before else { return Ok(()) };
        let next = before.height.saturating_add(1);
        if *height != next || next == u64::MAX {
            return Err(format!("height {height} is out of order: {next} is to come here"));
        }
        if *time < before.time - MAX_BACK_SECONDS {
            return Err(format!("its time {time} is hours before that of the header before it"));
        }
        Ok(())
    }
}

fn read(text: &[u8], columns: &Columns, today: Today) -> Result<Vec<Header>, Wrong> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let places = Places::find(&reader.headers().map_err(wrong_csv)?.clone(), columns)?;
    let mut headers: Vec<Header> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong_csv)?;
        let at = |reason| Wrong::at(record.position().map_or(0, csv::Position::line), reason);
        let header = Header::parse(&record, &places).map_err(at)?;
        header.check(headers.last(), today).map_err(at)?;
        headers.push(header);
    }
    Ok(headers)
}
