//! What the rules of the chains say where no block does: new coins of a day, and the size of Ethash's DAG.

use assay_model::Chain;

use crate::analyses::calendar::DAY_MICROS;
use crate::reference::day;

/// From when on a block of Bitcoin creates so many coins, as the blocks at multiples of 210,000 tell.
const BITCOIN_SUBSIDIES: [(&str, f64); 5] = [
    ("2009-01-03", 50.0),
    ("2012-11-28", 25.0),
    ("2016-07-09", 12.5),
    ("2020-05-11", 6.25),
    ("2024-04-20", 3.125),
];
/// From when on a block of Ethereum creates so many coins: Frontier, EIP-649 and EIP-1234.
const ETHEREUM_SUBSIDIES: [(&str, f64); 3] =
    [("2015-07-30", 5.0), ("2017-10-16", 3.0), ("2019-02-28", 2.0)];
/// Blocks of Bitcoin a day, by its rules.
const BITCOIN_BLOCKS: f64 = 144.0;
/// Heights of Ethereum at the beginning of days, from its blocks.
const ETHEREUM_HEIGHTS: [(&str, f64); 8] = [
    ("2015-07-30", 0.0),
    ("2016-01-01", 778_483.0),
    ("2017-01-01", 2_912_407.0),
    ("2018-01-01", 4_832_686.0),
    ("2019-01-01", 6_988_615.0),
    ("2020-01-01", 9_193_266.0),
    ("2021-01-01", 11_565_019.0),
    ("2022-01-01", 13_916_166.0),
];
/// When the Merge was, and the first height after it: that block's header time, microseconds since 1970.
const MERGE: (i64, f64) = (1_663_224_179_000_000, 15_537_394.0);
/// Blocks during which the DAG stays the same (yellow paper, appendix J).
const EPOCH_BLOCKS: u64 = 30_000;
/// Bytes of the first DAG, and by how many each is larger than the one before; to the next prime below.
const DAG_BYTES: (f64, f64) = ((1u64 << 30) as f64, (1u64 << 23) as f64);

/// New coins on the day that begins `at`, microseconds since 1970, with so many blocks, or as many as were
/// usual if that is not known.
pub(crate) fn subsidy(chain: Chain, at: i64, blocks: Option<i64>) -> f64 {
    let subsidies: &[(&str, f64)] = match chain {
        Chain::Bitcoin => &BITCOIN_SUBSIDIES,
        Chain::Ethereum => &ETHEREUM_SUBSIDIES,
    };
    let blocks = blocks.map_or_else(|| usual_blocks(chain, at), |blocks| blocks as f64);
    let last = subsidies.iter().rev().find(|(from, _)| day(from).is_some_and(|from| from <= at));
    blocks * last.map_or(0.0, |(_, coins)| *coins)
}

/// How many blocks days had around `at`: by the rules of Bitcoin, on the mean of the year of Ethereum.
fn usual_blocks(chain: Chain, at: i64) -> f64 {
    match chain {
        Chain::Bitcoin => BITCOIN_BLOCKS,
        Chain::Ethereum => around(at).map_or(0.0, |[(from, height), (to, next)]| {
            // Of the day of the Merge a few hours.
            let mined = (to - at).min(DAY_MICROS);
            (next - height) * mined as f64 / (to - from) as f64
        }),
    }
}

/// About how high `chain` was on the day that begins `at`; 0 where nothing depends on it.
pub(crate) fn height_about(chain: Chain, at: i64) -> u64 {
    match (chain, around(at)) {
        (Chain::Ethereum, Some([(from, height), (to, next)])) => {
            let part = (at - from) as f64 / (to - from) as f64;
            (height + part * (next - height)) as u64
        }
        (Chain::Ethereum, None) if MERGE.0 <= at => MERGE.1 as u64,
        _ => 0,
    }
}

/// The two moments of [`ETHEREUM_HEIGHTS`], or with that of the Merge, between which one is; `None` outside of
/// Ethereum's proof of work.
fn around(at: i64) -> Option<[(i64, f64); 2]> {
    let known = ETHEREUM_HEIGHTS.map(|(from, height)| (day(from).unwrap_or_default(), height));
    let known: Vec<_> = known.into_iter().chain([MERGE]).collect();
    known.windows(2).map(|pair| [pair[0], pair[1]]).find(|[from, to]| (from.0..to.0).contains(&at))
}

/// Bytes of Ethash's DAG at `height`; 0 of a chain without one.
pub(crate) fn dag_bytes(chain: Chain, height: u64) -> f64 {
    let (first, more) = DAG_BYTES;
    match chain {
        Chain::Bitcoin => 0.0,
        Chain::Ethereum => first + more * (height / EPOCH_BLOCKS) as f64,
    }
}

#[test]
fn rules_are_those_of_the_day() {
    let at = |text| day(text).expect("a day");
    assert_eq!(subsidy(Chain::Bitcoin, at("2020-05-10"), None), 1_800.0);
    assert_eq!(subsidy(Chain::Bitcoin, at("2020-05-11"), Some(100)), 625.0);
    assert_eq!(subsidy(Chain::Bitcoin, at("2008-01-01"), None), 0.0);
    assert_eq!(height_about(Chain::Ethereum, at("2018-01-01")), 4_832_686);
    assert_eq!(height_about(Chain::Ethereum, at("2030-01-01")), 15_537_394);
    assert_eq!(height_about(Chain::Ethereum, at("2010-01-01")), 0);
    // The year of the difficulty bomb had fewer blocks than others, and there is nothing to mine since the Merge.
    let ether = subsidy(Chain::Ethereum, at("2017-08-01"), None);
    assert!((26_305.0..26_306.0).contains(&ether), "{ether}");
    let last = subsidy(Chain::Ethereum, at("2022-09-15"), None) / 2.0;
    assert!((1_700.0..1_800.0).contains(&last), "{last}");
    assert_eq!(subsidy(Chain::Ethereum, at("2022-09-16"), None), 0.0);
    // Cards of 4 GB ended with epoch 384 or so, at the end of 2020.
    let gib =
        |text| dag_bytes(Chain::Ethereum, height_about(Chain::Ethereum, at(text))) / DAG_BYTES.0;
    assert!(gib("2020-11-01") < 4.0 && gib("2021-01-15") > 4.0);
}
