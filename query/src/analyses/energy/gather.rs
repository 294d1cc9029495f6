//! What methods go by, gathered from a chain and from the tables of the schema `reference`.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Float64Type};
use assay_model::reference::{GPUS, HASH_RATES, MINING_HARDWARE};
use assay_model::{BlockHash, Chain};
use futures::StreamExt;

use super::Parameters;
use super::hashing::hash_rate_ths;
use super::inputs::{MiningDay, Origin};
use super::machines::{Era, Machine, Weighting};
use super::method::Facts;
use super::nodes::Nodes;
use super::rewards::{dag_bytes, height_about, subsidy};
use crate::analyses::calendar::{DAY_MICROS, Day};
use crate::analyses::chain::{block_hash, final_chain};
use crate::reference::{DEFAULT_CURRENCY, Reference, Row, Rows, month, shipped};
use crate::{Asset, QueryError, Session};

/// Joules a megahash are so many joules a gigahash.
const MH_PER_GH: f64 = 1e3;
/// Bytes of a GiB.
const GIB: f64 = (1u64 << 30) as f64;

/// What methods go by, and up to where the chain tells it.
pub(crate) struct Gathered {
    pub(crate) facts: Facts,
    /// The last block of the last day; `None` if there is no chain.
    pub(crate) block: Option<(u64, BlockHash)>,
    /// First height of the chain.
    pub(crate) from: u64,
}

/// Gathers what is known of `chain`.
pub(crate) async fn gather(
    session: &Session,
    reference: &Reference,
    parameters: &Parameters,
    chain: Chain,
    confirmations: Option<u64>,
) -> Result<Gathered, QueryError> {
    let whole = match final_chain(session, chain, confirmations, 0).await {
        Ok(whole) => Some(whole),
        Err(QueryError::NotIndexed { .. }) => None,
        Err(error) => return Err(error),
    };
    // Hash rates that come with the program are of no chain but the main one, which an indexed one may not be.
    let mut days = match &whole {
        Some(_) => reference.imported(&HASH_RATES)?.map(|rows| of_table(&rows, chain)),
        None => Some(of_table(reference.rows(&HASH_RATES)?, chain)),
    }
    .unwrap_or_default();
    let (mut from, mut block) = (0, None);
    if let Some(whole) = whole {
        from = whole.from;
        // A chain that begins later may lack blocks of its first day.
        let (first, lasting) = match whole.days.split_first() {
            Some((first, others)) if from > 0 => (first.last + 1, others),
            _ => (from, &whole.days[..]),
        };
        for mined in of_chain(session, chain, first, lasting).await? {
            days.insert(mined.day, mined);
        }
        if let Some(last) = whole.days.last() {
            block = block_hash(session, chain, last.last).await?.map(|hash| (last.last, hash));
        }
    }
    let prices = reference.prices()?;
    let mut days = without_gaps(days);
    for mined in &mut days {
        mined.price = prices.at(chain.name(), DEFAULT_CURRENCY, mined.day);
    }
    let facts = facts(reference, parameters, chain, days)?;
    Ok(Gathered { facts, block, from })
}

/// What methods go by on `days`, which follow each other.
pub(crate) fn facts(
    reference: &Reference,
    parameters: &Parameters,
    chain: Chain,
    days: Vec<MiningDay>,
) -> Result<Facts, QueryError> {
    let (machines, weighting) = match chain {
        Chain::Bitcoin => (sha256_machines(reference)?, Weighting::ByAge),
        Chain::Ethereum => (graphics_cards(reference)?, Weighting::Equal),
    };
    let nodes = match chain {
        Chain::Bitcoin => None,
        Chain::Ethereum => Some(Nodes::read(reference, parameters)?),
    };
    Ok(Facts { days, machines, weighting, nodes })
}

/// What the blocks of `days` say, which begin at height `from`.
async fn of_chain(
    session: &Session,
    chain: Chain,
    from: u64,
    days: &[Day],
) -> Result<Vec<MiningDay>, QueryError> {
    let Some(to) = days.last().map(|day| day.last) else { return Ok(Vec::new()) };
    let revenue = match chain {
        Chain::Bitcoin => "coinbase_value",
        Chain::Ethereum => "block_reward + uncle_reward + fees - burnt",
    };
    // Summed here, in the order of heights: floating-point sums depend on it.
    let sql = format!(
        "select cast(difficulty as double), cast({revenue} as decimal(38, 0)) from {chain}.blocks where height between {from} and {to} order by height"
    );
    let base_units = 10f64.powi(Asset::Coin(chain).decimals() as i32);
    let mut mined: Vec<MiningDay> = days.iter().map(|day| empty(chain, *day)).collect();
    let mut sums = vec![(0.0, 0i128, 0i64); days.len()];
    let (mut place, mut height) = (0, from);
    let mut batches = session.query(&sql).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let difficulties = batch.column(0).as_primitive::<Float64Type>();
        let revenues = batch.column(1).as_primitive::<Decimal128Type>();
        for (difficulty, revenue) in difficulties.values().iter().zip(revenues.values()) {
            while days[place].last < height {
                place += 1;
            }
            let (work, earned, blocks) = &mut sums[place];
            *work += difficulty;
            *earned += revenue;
            *blocks += 1;
            height += 1;
        }
    }
    for (mined, (work, earned, blocks)) in mined.iter_mut().zip(sums) {
        mined.hash_rate_ths = hash_rate_ths(chain, work, DAY_MICROS / 1_000_000);
        mined.revenue = earned as f64 / base_units;
        mined.blocks = Some(blocks);
    }
    Ok(mined)
}

fn empty(chain: Chain, day: Day) -> MiningDay {
    MiningDay {
        day: day.start,
        height: Some(day.last as i64),
        hash_rate_ths: 0.0,
        hash_rate_from: Origin::Chain,
        blocks: None,
        revenue: 0.0,
        revenue_from: Origin::Chain,
        price: None,
        dag_bytes: dag_bytes(chain, day.last),
    }
}

/// What `rows` of `reference.hash_rates` say of `chain`, by day.
fn of_table(rows: &Rows, chain: Chain) -> BTreeMap<i64, MiningDay> {
    let place = |name| HASH_RATES.place(name);
    let (of_chain, at, rate) = (place("chain"), place("day"), place("hash_rate_ths"));
    let (blocks, revenue) = (place("blocks"), place("revenue"));
    let of_chain = |row: &&Row| row.text(of_chain) == chain.name();
    // How many blocks there were is known even where a hash rate comes alone.
    let shipped = shipped(&HASH_RATES).rows.iter().filter(of_chain);
    let counted: BTreeMap<_, _> =
        shipped.filter_map(|row| Some((row.whole(at)?, row.whole(blocks)?))).collect();
    let days = rows.rows.iter().filter(of_chain).filter_map(|row| {
        let (day, blocks) = (row.whole(at)?, row.whole(blocks));
        let (revenue, revenue_from) = match row.number(revenue) {
            Some(revenue) => (revenue, Origin::Reference),
            None => {
                let blocks = blocks.or_else(|| counted.get(&day).copied());
                (subsidy(chain, day, blocks), Origin::Subsidy)
            }
        };
        let mined = MiningDay {
            day,
            height: None,
            hash_rate_ths: row.number(rate)?,
            hash_rate_from: Origin::Reference,
            blocks,
            revenue,
            revenue_from,
            price: None,
            dag_bytes: dag_bytes(chain, height_about(chain, day)),
        };
        Some((day, mined))
    });
    days.collect()
}

/// `days` with those between that are missing: as the one before each.
fn without_gaps(days: BTreeMap<i64, MiningDay>) -> Vec<MiningDay> {
    let mut all: Vec<MiningDay> = Vec::with_capacity(days.len());
    for (day, mined) in days {
        while let Some(before) = all.last().filter(|before| before.day + DAY_MICROS < day) {
            all.push(MiningDay {
                day: before.day + DAY_MICROS,
                hash_rate_from: Origin::Carried,
                revenue_from: Origin::Carried,
                ..*before
            });
        }
        all.push(mined);
    }
    all
}

fn sha256_machines(reference: &Reference) -> Result<Vec<Machine>, QueryError> {
    let place = |name| MINING_HARDWARE.place(name);
    let (kind, released, efficiency) =
        (place("kind"), place("released"), place("efficiency_j_per_gh"));
    let rows = reference.rows(&MINING_HARDWARE)?.rows.iter();
    let machines = rows.filter_map(|row| {
        let era = Era::ALL.into_iter().find(|era| era.name() == row.text(kind))?;
        let released = row.whole(released)?;
        Some(Machine {
            era,
            released,
            release_month: month(released),
            efficiency: row.number(efficiency)?,
            memory: None,
        })
    });
    Ok(machines.collect())
}

fn graphics_cards(reference: &Reference) -> Result<Vec<Machine>, QueryError> {
    let place = |name| GPUS.place(name);
    let (kind, released, memory) = (place("kind"), place("released"), place("memory_gb"));
    let (rate, power) = (place("hash_rate_mhs"), place("power_w"));
    let rows = reference.rows(&GPUS)?.rows.iter().filter(|row| row.text(kind) == "gpu");
    let machines = rows.filter_map(|row| {
        let released = row.whole(released)?;
        Some(Machine {
            era: Era::Gpu,
            released,
            release_month: month(released),
            efficiency: row.number(power)? / row.number(rate)? * MH_PER_GH,
            memory: row.number(memory).map(|gib| gib * GIB),
        })
    });
    Ok(machines.collect())
}

#[test]
fn missing_days_are_as_the_one_before() {
    let at = |text| crate::reference::day(text).expect("a day");
    let mined = |text, rate| {
        let whole = Day { start: at(text), last: 7 };
        (at(text), MiningDay { hash_rate_ths: rate, ..empty(Chain::Bitcoin, whole) })
    };
    let days = without_gaps(BTreeMap::from([mined("2020-01-01", 1.0), mined("2020-01-04", 2.0)]));
    let shown: Vec<_> = days.iter().map(|d| (d.hash_rate_ths, d.hash_rate_from.name())).collect();
    assert_eq!(shown, [(1.0, "chain"), (1.0, "carried"), (1.0, "carried"), (2.0, "chain")]);
    assert!(days.windows(2).all(|pair| pair[1].day == pair[0].day + DAY_MICROS));
}
