//! Reads what a block spends out of `getblock <hash> 3`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use assay_model::{BlockHash, Sats, hex};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::NodeFault;
use super::rpc::{Answer, read};
use crate::raw::bitcoin::SpentOutputs;

/// What is asked for, in messages.
const WHAT: &str = "block with what it spends";
/// Errors of nodes that do not know so much of an answer can be asked for: of type, of value, of
/// parameters.
const NO_VERBOSITY: [i64; 3] = [-3, -8, -32602];
/// What a node says of a block whose undo data it never had.
const NO_UNDO: &str = "Undo data not available";
/// Decimals of an amount in bitcoins.
const DECIMALS: i64 = 8;
/// Most digits of an amount: no number of nodes has more, and so many fit 128 bits.
const MOST_DIGITS: usize = 30;

#[derive(Deserialize)]
struct Block<'a> {
    hash: BlockHash,
    #[serde(borrow)]
    tx: Vec<Transaction<'a>>,
}

#[derive(Deserialize)]
struct Transaction<'a> {
    #[serde(borrow)]
    vin: Vec<Input<'a>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    prevout: Option<Prevout<'a>>,
}

#[derive(Deserialize)]
struct Prevout<'a> {
    height: u32,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow, rename = "scriptPubKey")]
    script: Script<'a>,
}

#[derive(Deserialize)]
struct Script<'a> {
    #[serde(borrow)]
    hex: Cow<'a, str>,
}

/// Whether a node is asked what blocks spend.
#[derive(Debug)]
pub(super) struct Telling {
    /// Whether it is wanted, and the node is not known to be too old.
    is_asked: AtomicBool,
    /// Whether the node ever said it.
    has_told: AtomicBool,
}

impl Telling {
    pub fn new(is_wanted: bool) -> Telling {
        Telling { is_asked: AtomicBool::new(is_wanted), has_told: AtomicBool::new(false) }
    }

    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    /// Takes note of what the node said when it was asked. One that never told anything is too old
    /// for it; one that did has lost the undo data of a block.
    pub fn note(&self, told: Option<&SpentOutputs>) {
        match told {
            Some(spent) if spent.transaction_count() > 0 => {
                self.has_told.store(true, Ordering::Relaxed)
            }
            None if !self.has_told.load(Ordering::Relaxed) => {
                self.is_asked.store(false, Ordering::Relaxed)
            }
            _ => {}
        }
    }
}

/// What the block `hash` spends by `answer`; `None` if the node cannot say.
pub(super) fn read_answer(
    hash: BlockHash,
    answer: Answer,
) -> Result<Option<SpentOutputs>, NodeFault> {
    match answer {
        Ok(text) => read_spent(hash, &text),
        Err(NodeFault::Refused { code, .. }) if NO_VERBOSITY.contains(&code) => Ok(None),
        Err(NodeFault::Refused { message, .. }) if message == NO_UNDO => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What the block `hash`, which `text` tells, spends; `None` if it is not told.
fn read_spent(hash: BlockHash, text: &RawValue) -> Result<Option<SpentOutputs>, NodeFault> {
    let block: Block<'_> = read(WHAT, text)?;
    if block.hash != hash {
        return Err(NodeFault::OtherBlock { found: block.hash });
    }
    let mut spent = SpentOutputs::default();
    for transaction in block.tx.iter().skip(1) {
        spent.begin_transaction();
        for input in &transaction.vin {
            let Some(prevout) = &input.prevout else { return Ok(None) };
            push(&mut spent, prevout)?;
        }
    }
    Ok(Some(spent))
}

fn push(spent: &mut SpentOutputs, prevout: &Prevout<'_>) -> Result<(), NodeFault> {
    let value = satoshis(prevout.value.get()).ok_or_else(|| {
        NodeFault::malformed(WHAT, format_args!("{} is no amount", prevout.value.get()))
    })?;
    spent.push_with(value.get(), prevout.height, |scripts| {
        let script = hex::decode(&prevout.script.hex)
            .ok_or_else(|| NodeFault::malformed(WHAT, "a script is not in hex"))?;
        scripts.extend(script);
        Ok(())
    })
}

/// The amount that `text`, a number of JSON, gives in bitcoins; `None` if it is not a whole number
/// of satoshis that can exist. Digit by digit: binary fractions cannot hold most amounts.
fn satoshis(text: &str) -> Option<Sats> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() > MOST_DIGITS || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut amount: u128 = [whole, fraction].concat().parse().ok()?;
    let shift = i64::from(exponent) + DECIMALS - fraction.len() as i64;
    for _ in 0..shift.min(MOST_DIGITS as i64) {
        amount = amount.checked_mul(10)?;
    }
    for _ in shift.max(-2 * MOST_DIGITS as i64)..0 {
        if !amount.is_multiple_of(10) {
            return None;
        }
        amount /= 10;
    }
    Sats::new(u64::try_from(amount).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_satoshi() {
        let of = |text: &str| satoshis(text).map(Sats::get);
        for (text, sats) in [
            ("0.00000000", 0),
            ("0", 0),
            ("0.00000001", 1),
            ("1e-8", 1),
            ("1E-08", 1),
            ("12.5e-1", 125_000_000),
            ("50.00000000", 5_000_000_000),
            ("0.1", 10_000_000),
            ("20999999.97690000", 2_099_999_997_690_000),
            ("21000000.00000000", 2_100_000_000_000_000),
            ("2.1e7", 2_100_000_000_000_000),
            ("0.1000000000000", 10_000_000),
            ("0e999", 0),
        ] {
            assert_eq!(of(text), Some(sats), "{text}");
        }
        for text in [
            "21000000.00000001",
            "0.000000001",
            "1e-9",
            "-1",
            "+1",
            "1e99",
            "1e-99999",
            "1e99999999999",
            "1.2.3",
            "",
            ".",
            "e",
            "\"1\"",
            "null",
            "9999999999999999999999999999999",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn every_amount_that_a_node_prints_is_read() {
        for sats in (0..2_100_000_000_000_000).step_by(777_777_777_777).chain(0..2000) {
            let text = format!("{}.{:08}", sats / Sats::PER_BTC, sats % Sats::PER_BTC);
            assert_eq!(satoshis(&text).map(Sats::get), Some(sats), "{text}");
        }
    }
}
