//! The history of holdings, against what the same questions get at each day's last height.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use crate::support::lake::{self, Row, Value, block_hash};
use crate::support::{collect, error, ok, open};
use assay_model::Chain;
use assay_model::lake::SCHEMA_VERSION;
use assay_query::analyses::holdings::{At, Options, Question, Summary, at, run};
use assay_query::{Asset, QueryError, Session};

const HOUR: i64 = 3_600_000_000;
/// The blocks of the chain that is made up here.
pub const BLOCKS: u64 = 75;
/// Who holds something, and nobody, as outputs without an address are.
const NAMES: [&str; 9] = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "", "ida"];

/// A made-up chain: header times that now and then run backwards, outputs of all sizes to a few people, and
/// inputs that spend what they hold.
pub struct MadeUp {
    times: Vec<i64>,
    outputs: Vec<Vec<(usize, i64)>>,
    inputs: Vec<Vec<(usize, i64)>>,
}

impl MadeUp {
    pub fn new(seed: u64) -> MadeUp {
        let mut state = seed;
        let mut next = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut chain = MadeUp { times: vec![], outputs: vec![], inputs: vec![] };
        let mut held = [0i64; NAMES.len()];
        let mut time = 14_000 * 24 * HOUR;
        for _ in 0..BLOCKS {
            // Up to an hour back, less than what eleven blocks go forward.
            time += next(14) as i64 * HOUR - HOUR;
            chain.times.push(time);
            let outputs: Vec<_> = (0..next(5))
                .map(|_| {
                    (next(NAMES.len() as u64) as usize, 1 + (next(1 << 20) << next(30)) as i64)
                })
                .collect();
            outputs.iter().for_each(|(who, value)| held[*who] += value);
            let mut inputs = Vec::new();
            for (who, held) in held.iter_mut().enumerate() {
                if *held > 0 && next(4) == 0 {
                    let value = if next(2) == 0 { *held } else { *held / 3 + 1 };
                    *held -= value;
                    inputs.push((who, value));
                }
            }
            chain.outputs.push(outputs);
            chain.inputs.push(inputs);
        }
        chain
    }

    pub fn write(&self, dir: &Path, heights: Range<u64>) {
        lake::write_segment_of(dir, Chain::Bitcoin, heights, |table, heights| {
            let rows = heights.flat_map(|height| self.rows(table.name, height));
            lake::batch(table, &rows.collect::<Vec<_>>())
        });
    }

    fn rows(&self, table: &str, height: u64) -> Vec<Row> {
        let place = height as usize;
        let common = |mut row: Row| {
            row.insert("height", Value::Int(height as i64));
            row.insert("time", Value::Int(self.times[place]));
            row
        };
        let moves = |all: &[(usize, i64)]| -> Vec<Row> {
            let of = |(who, value): &(usize, i64)| {
                let name = NAMES[*who];
                let address = if name.is_empty() { Value::Null } else { Value::Text(name) };
                common(Row::from([
                    ("value", Value::Int(*value)),
                    ("address", address),
                    ("is_spendable", Value::Bool(true)),
                ]))
            };
            all.iter().map(of).collect()
        };
        match table {
            "blocks" => vec![common(Row::from([("hash", Value::Bytes(block_hash(height)))]))],
            "outputs" => moves(&self.outputs[place]),
            "inputs" => moves(&self.inputs[place]),
            _ => vec![],
        }
    }
}

fn options(threads: usize) -> Options {
    Options {
        asset: Asset::Coin(Chain::Bitcoin),
        decimals: None,
        confirmations: Some(1),
        entities: None,
        threads: NonZeroUsize::new(threads).expect("above zero"),
    }
}

async fn analyze(session: &Session, options: &Options) -> Summary {
    run(session, options, |_| ControlFlow::Continue(())).await.expect("an analysis")
}

/// The content of the tables' files of all series, by name.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let series = dir.join("analytics/holdings-bitcoin-address");
    let entries =
        fs::read_dir(series).expect("a series").map(|entry| entry.expect("a file").path());
    let tables = entries.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    tables
        .map(|path| (path.file_name().expect("a name").into(), fs::read(path).expect("a file")))
        .collect()
}

/// Each row of the history against the same question about all balances at its height.
async fn check_against_balances(session: &Session) -> usize {
    let days = ok(
        session,
        "select height, day, holders, held, round(gini, 9), round(theil, 9), round(hhi, 9), nakamoto, round(top_10_share, 9), round(top_3_percent_share, 9), round(lorenz[51]['held'], 9) from analytics.holdings_daily order by day",
    )
    .await;
    for day in &days {
        let height: u64 = day.split(' ').next().and_then(|height| height.parse().ok()).expect(day);
        let from = format!("from balances_at('bitcoin', {height}) where balance > 0");
        let expected = ok(
            session,
            &format!(
                "select {height}, (select max(day) from analytics.holdings_daily where day = '{}'), count(*), coalesce(sum(balance), 0), round(gini(balance), 9), round(theil(balance), 9), round(hhi(balance), 9), nakamoto(balance), round(top_share(balance, 10), 9), round(top_fraction_share(balance, 0.03), 9), round(lorenz(balance, 100)[51]['held'], 9) {from}",
                day.split(' ').nth(1).expect("a day"),
            ),
        )
        .await;
        assert_eq!(vec![day.clone()], expected);
        let brackets = ok(
            session,
            &format!(
                "select holders, amount from analytics.holdings_brackets_daily where day = (select max(day) from analytics.holdings_daily where day = '{}') and holders > 0 order by from_coins",
                day.split(' ').nth(1).expect("a day"),
            ),
        )
        .await;
        let expected = ok(
            session,
            &format!("select count(*), sum(balance) {from} group by greatest(floor(log10(cast(balance as double))), 4) order by greatest(floor(log10(cast(balance as double))), 4)"),
        )
        .await;
        assert_eq!(brackets, expected, "{day}");
    }
    days.len()
}

#[tokio::test]
async fn each_day_is_what_balances_at_its_last_height_say() {
    for seed in 0..4 {
        let dir = tempfile::tempdir().expect("a folder");
        lake::write_info(dir.path(), SCHEMA_VERSION);
        MadeUp::new(seed).write(dir.path(), 0..BLOCKS);
        let session = open(dir.path()).await;
        let summary = analyze(&session, &options(2)).await;
        let days = check_against_balances(&session).await;
        assert!(summary.days == days && days > 10, "{summary:?}");
        // Those of a day without blocks of its own, too: each day has its row.
        let gapless = "select (to_unixtime(max(day)) - to_unixtime(min(day))) / 86400 + 1 = count(*) from analytics.holdings_daily";
        assert_eq!(ok(&session, gapless).await, ["true"]);
    }
}

#[tokio::test]
async fn resumed_is_computed_at_once_to_the_byte() {
    let chain = MadeUp::new(7);
    let whole = tempfile::tempdir().expect("a folder");
    lake::write_info(whole.path(), SCHEMA_VERSION);
    chain.write(whole.path(), 0..BLOCKS);
    analyze(&open(whole.path()).await, &options(1)).await;

    let parts = tempfile::tempdir().expect("a folder");
    lake::write_info(parts.path(), SCHEMA_VERSION);
    for (number, heights) in [0..2, 2..30, 30..31, 31..70, 70..BLOCKS].into_iter().enumerate() {
        chain.write(parts.path(), heights);
        let summary = analyze(&open(parts.path()).await, &options(1 + number)).await;
        assert_eq!(summary.anew, None);
        let again = analyze(&open(parts.path()).await, &options(1)).await;
        assert_eq!((again.days, again.height), (0, summary.height));
    }
    // Those of the run before are kept for statements that began then.
    let (resumed, at_once) = (files(parts.path()), files(whole.path()));
    assert_eq!(at_once.len(), 3);
    for (name, content) in &at_once {
        assert_eq!(resumed.get(name), Some(content), "{}", name.display());
    }
    assert!(resumed.len() <= 6, "{:?}", resumed.keys());
}

#[tokio::test]
async fn a_run_that_is_stopped_keeps_what_it_has() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    MadeUp::new(3).write(dir.path(), 0..BLOCKS);
    let session = open(dir.path()).await;
    let mut days = 0;
    loop {
        let summary = run(&session, &options(2), |_| ControlFlow::Break(())).await.expect("a part");
        days += summary.days;
        assert!(summary.days > 0);
        if !summary.is_stopped {
            break;
        }
    }
    assert_eq!(check_against_balances(&session).await, days);
}

#[tokio::test]
async fn what_is_no_longer_true_is_computed_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    let chain = MadeUp::new(5);
    chain.write(dir.path(), 0..BLOCKS);
    let session = open(dir.path()).await;
    let first = analyze(&session, &options(1)).await;
    let series = dir.path().join("analytics/holdings-bitcoin-address");
    let state = |start: &str| {
        let entries = fs::read_dir(&series).expect("a series");
        let mut paths = entries.map(|entry| entry.expect("a file").path());
        let is = |path: &PathBuf| {
            path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(start))
        };
        paths.find(is).expect(start)
    };
    // A damaged file to go on from.
    let path = state("state");
    let mut bytes = fs::read(&path).expect("a file");
    bytes[30] ^= 1;
    fs::write(&path, bytes).expect("written");
    let damaged = analyze(&session, &options(1)).await;
    assert!(damaged.anew.is_some_and(|reason| reason.ends_with("is damaged")));
    assert_eq!((damaged.days, damaged.height), (first.days, first.height));
    // Another block where the history ended.
    let manifest = fs::read_to_string(series.join("manifest.json")).expect("a manifest");
    let height = first.height.expect("a day");
    let hash = assay_model::hex::encode(&block_hash(height));
    fs::write(series.join("manifest.json"), manifest.replace(&hash, &"ab".repeat(32)))
        .expect("written");
    let moved = analyze(&session, &options(1)).await;
    assert_eq!(moved.anew, Some(format!("block {height} is not the one that it was")));
    assert_eq!(check_against_balances(&session).await, first.days);
    // Another method, so to speak.
    let decimals = Options { decimals: Some(2), ..options(1) };
    let other = analyze(&session, &decimals).await;
    assert!(other.anew.is_some() && other.days == first.days, "{other:?}");
}

#[tokio::test]
async fn a_damaged_series_is_named_to_who_asks_for_it_and_to_nobody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    MadeUp::new(5).write(dir.path(), 0..BLOCKS);
    let session = open(dir.path()).await;
    analyze(&session, &options(1)).await;
    let manifest = dir.path().join("analytics/holdings-bitcoin-address/manifest.json");
    fs::write(&manifest, "{").expect("written");
    let found = error(&session, "select * from analytics.holdings_daily").await;
    assert!(found.contains("the lake is damaged: ") && found.contains("manifest.json"), "{found}");
    assert_eq!(ok(&session, "select count(*) from bitcoin.blocks").await, [BLOCKS.to_string()]);
    let refused = run(&session, &options(1), |_| ControlFlow::Continue(())).await;
    assert!(matches!(refused, Err(QueryError::Damaged { .. })), "{refused:?}");
}

#[tokio::test]
async fn addresses_of_an_entity_are_one_holder() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    MadeUp::new(9).write(dir.path(), 0..BLOCKS);
    let session = open(dir.path()).await;
    let entities = dir.path().join("entities.csv");
    fs::write(&entities, "address,entity\nada,1\nbob,1\ncyd,2\n").expect("written");
    analyze(&session, &options(2)).await;
    let by_entity = Options { entities: Some(entities), ..options(2) };
    analyze(&session, &by_entity).await;
    let last = "select holders, held, round(gini, 9) from analytics.holdings_daily where basis = 'entity' order by day desc limit 1";
    let height = ok(&session, "select max(height) from analytics.holdings_daily").await.concat();
    let expected = format!(
        "select count(*), sum(held), round(gini(held), 9) from (select sum(balance) as held from balances_at('bitcoin', {height}) group by case when address in ('ada', 'bob') then '1' when address = 'cyd' then '2' else address end)"
    );
    assert_eq!(ok(&session, last).await, ok(&session, &expected).await);
    let counted = "select count(distinct basis), count(*) / 2 = max((select count(*) from analytics.holdings_daily where basis = 'address')) from analytics.holdings_daily";
    assert_eq!(ok(&session, counted).await, ["2 true"]);
}

#[tokio::test]
async fn holdings_at_a_moment_are_those_of_its_last_block() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    let asked = |at| Question::new(Asset::Coin(Chain::Bitcoin), at);
    let holdings = at(&session, &asked(At::Height(4))).await.expect("holdings");
    // Alice 20, and Bob 130; Carol's first 50 are lost.
    assert_eq!((holdings.height, holdings.holders, holdings.held), (4, 2, 150 * 100_000_000));
    assert_eq!(holdings.top_share(1), Some(130.0 / 150.0));
    assert_eq!(holdings.half_hold_less_than(), Some((2, 0.5)));
    let by_moment = At::Moment(lake::time_micros(5) - 1);
    let same = at(&session, &asked(by_moment)).await.expect("holdings");
    assert_eq!((same.height, same.held, same.time), (4, holdings.held, holdings.time));
    // Alice and Bob are one.
    let entities = dir.path().join("entities.csv");
    let names = ok(
        &session,
        "select distinct address from bitcoin.outputs where address is not null and height <= 4",
    )
    .await;
    let rows = names.iter().map(|address| format!("{address},both\n")).collect::<String>();
    fs::write(&entities, format!("address,entity\n{rows}")).expect("written");
    let question = Question { entities: Some(entities), ..asked(At::Height(4)) };
    let one = at(&session, &question).await.expect("holdings");
    assert_eq!((one.basis, one.holders, one.held), ("entity", 1, holdings.held));
    let now = at(&session, &asked(At::Now)).await.expect("holdings");
    assert_eq!(now.height, 7);
    let error = at(&session, &asked(At::Height(99))).await.expect_err("not there").to_string();
    assert_eq!(error, "bitcoin is not indexed at height 99: `assay status` says how far it is");
    let ether = at(&session, &Question::new(Asset::Coin(Chain::Ethereum), At::Now)).await;
    assert!(matches!(ether, Err(QueryError::NotIndexed { chain: "ethereum" })), "{ether:?}");
}

#[tokio::test]
async fn only_one_process_computes_at_a_time() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    let folder = dir.path().join("analytics");
    fs::create_dir_all(&folder).expect("a folder");
    let lock = fs::File::create(folder.join(".lock")).expect("a file");
    lock.lock().expect("a lock");
    let refused = run(&session, &options(1), |_| ControlFlow::Continue(())).await;
    assert!(matches!(refused, Err(QueryError::Busy { .. })), "{refused:?}");
    // Nothing is there yet, and that is no error.
    assert!(collect(&session, "select * from analytics.holdings_daily").await.is_ok());
}
