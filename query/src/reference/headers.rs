//! Hash rates out of the headers of a chain, for those who have no full chain.

use assay_model::Chain;
use assay_model::reference::HASH_RATES;

use super::check::{check_row, check_rows};
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
/// Blocks of Bitcoin of which all have the same difficulty (Bitcoin Core: `DifficultyAdjustmentInterval`).
const RETARGET_BLOCKS: u64 = 2_016;
/// More headers than Bitcoin will have for long. It bounds memory: one in a file can stand for as many as
/// difficulty stays for.
const MAX_BITCOIN_HEADERS: u64 = 4_000_000;
/// The same of Ethereum, each of which is in the file.
const MAX_ETHEREUM_HEADERS: u64 = 100_000_000;
/// The columns of a file, and what can be said of all headers.
pub(super) const COLUMNS: [&str; 4] = ["height", "time", "difficulty", "bits"];
pub(super) const CONSTANTS: [&str; 2] = ["chain", "source"];

/// One header of a file, or one between two of them.
#[derive(Clone, Copy)]
struct Header {
    /// Where it is in the file, or the one after it.
    line: u64,
    height: u64,
    /// Seconds since 1970.
    time: i64,
    difficulty: f64,
}

/// What the headers in `text` say of each whole day: CSV of consecutive heights, or, of Bitcoin, of some such that
/// difficulty does not change between them. Blocks between are taken to be evenly spread in time. The day of
/// the first is left out where blocks before it may be missing.
pub(super) fn hash_rates(text: &[u8], columns: &Columns, today: Today) -> Result<Rows, Wrong> {
    let constant = |name: &str| columns.constants.get(name).map(String::as_str);
    let named = constant("chain").unwrap_or_default();
    let chain = Chain::ALL.into_iter().find(|chain| chain.name() == named).ok_or_else(|| {
        Wrong::at(
            1,
            "whose headers are they? Say it with --set chain=bitcoin or --set chain=ethereum"
                .to_owned(),
        )
    })?;
    let (headers, given) = read(chain, text, columns, today)?;
    let [Some(first), Some(last)] = [headers.first(), headers.last()] else {
        return Err(Wrong::at(1, "there are no headers".to_owned()));
    };
    let mut source =
        format!("{} {} to {}", constant("source").unwrap_or("headers"), first.height, last.height);
    if given < headers.len() {
        source += &format!(", {given} of them: those between are taken to be evenly spread");
    }
    let times: Vec<_> = headers.iter().map(|header| header.time * MICROS).collect();
    let mut rows = Vec::new();
    let mut done = 0;
    for day in whole_days(first.height, &times, 0) {
        let end = (day.last + 1 - first.height) as usize;
        let blocks = &headers[done..end.max(done)];
        let work = blocks.iter().fold(0.0, |work, header| work + header.difficulty);
        done = end.max(done);
        if first.height > 0 && day.start < times[0] {
            continue;
        }
        let row = Row {
            line: headers[end - 1].line,
            cells: vec![
                Cell::Text(chain.name().to_owned()),
                Cell::Day(day.start),
                Cell::Number(hash_rate_ths(chain, work, DAY_MICROS / MICROS)),
                Cell::Whole(blocks.len() as i64),
                Cell::Null,
                Cell::Text(source.clone()),
            ],
        };
        check_row(&HASH_RATES, &row, today).map_err(|reason| Wrong::at(row.line, reason))?;
        rows.push(row);
    }
    let rows = Rows::new(&HASH_RATES, rows)?;
    check_rows(&rows)?;
    Ok(rows)
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
        let line = record.position().map_or(0, csv::Position::line);
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
            line,
            height: height.parse().map_err(|_| format!("'{height}' is no height"))?,
            time: time.parse().map_err(|_| format!("'{time}' is no time, seconds since 1970"))?,
            difficulty: difficulty
                .filter(|difficulty: &f64| difficulty.is_finite() && *difficulty > 0.0)
                .ok_or("it has no difficulty")?,
        })
    }

    /// Why it cannot come after `before`, or at all.
    fn check(&self, chain: Chain, before: Option<&Header>, today: Today) -> Result<(), String> {
        let Header { height, time, .. } = self;
        let most = match chain {
            Chain::Bitcoin => MAX_BITCOIN_HEADERS,
            Chain::Ethereum => MAX_ETHEREUM_HEADERS,
        };
        if *height >= most {
            return Err(format!("height {height} is beyond all that {chain} can have"));
        }
        if *time < FIRST_TIME || *time > today / MICROS {
            return Err(format!("its time {time} is before 2009, or is to come"));
        }
        let Some(before) = before else { return Ok(()) };
        let (next, last) = before.followed_by(chain);
        if !(next..=last).contains(height) {
            let others = if next < last { format!(" to {last}") } else { String::new() };
            return Err(format!("height {height} is out of order: {next}{others} is to come here"));
        }
        if *time < before.time - MAX_BACK_SECONDS {
            return Err(format!("its time {time} is hours before that of the header before it"));
        }
        Ok(())
    }

    /// The first and last of the heights that may come after it: those up to which its difficulty is known
    /// to stay.
    fn followed_by(&self, chain: Chain) -> (u64, u64) {
        let next = self.height + 1;
        match chain {
            Chain::Bitcoin => (next, next.next_multiple_of(RETARGET_BLOCKS)),
            Chain::Ethereum => (next, next),
        }
    }

    /// Those between it and `after`, which [may follow](Header::followed_by) it.
    fn up_to(&self, after: &Header) -> impl Iterator<Item = Header> {
        let (before, after) = (*self, *after);
        let blocks = (after.height - before.height) as i64;
        (1..blocks).map(move |block| Header {
            line: after.line,
            height: before.height + block as u64,
            time: before.time + (after.time - before.time) * block / blocks,
            difficulty: before.difficulty,
        })
    }
}

/// The headers in `text`, with those between them, and how many are in it.
fn read(
    chain: Chain,
    text: &[u8],
    columns: &Columns,
    today: Today,
) -> Result<(Vec<Header>, usize), Wrong> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let places = Places::find(&reader.headers().map_err(wrong_csv)?.clone(), columns)?;
    let (mut headers, mut given) = (Vec::new(), 0);
    for record in reader.records() {
        let record = record.map_err(wrong_csv)?;
        let at = |reason| Wrong::at(record.position().map_or(0, csv::Position::line), reason);
        let header = Header::parse(&record, &places).map_err(at)?;
        let before: Option<Header> = headers.last().copied();
        header.check(chain, before.as_ref(), today).map_err(at)?;
        if let Some(before) = before {
            headers.extend(before.up_to(&header));
        }
        headers.push(header);
        given += 1;
    }
    Ok((headers, given))
}
