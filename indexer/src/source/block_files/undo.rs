//! Decodes undo records: the outputs that a block spends, as Bitcoin Core keeps them to be able to
//! disconnect the block (`CBlockUndo` of `undo.h`, `compressor.h`).

use bitcoin::secp256k1::PublicKey;

use crate::raw::bitcoin::SpentOutputs;
use crate::wire::{Reader, WireError};

/// Kinds of compressed script below this number are the special ones of `ScriptCompression`.
const SPECIAL_SCRIPTS: u64 = 6;

/// Decodes an undo record.
///
/// `None` where it does not say at which heights the outputs were created: Bitcoin Core before
/// 0.15 kept that only with the last output of a transaction to be spent.
///
/// # Errors
///
/// If the bytes are no undo record.
pub fn decode(record: &[u8]) -> Result<Option<SpentOutputs>, WireError> {
    let mut reader = Reader::new(record);
    let mut spent = SpentOutputs::with_capacity(record.len());
    let transactions = reader.count()?;
    for _ in 0..transactions {
        spent.begin_transaction();
        let inputs = reader.count()?;
        for _ in 0..inputs {
            let at = reader.position();
            let height =
                u32::try_from(reader.varint()? >> 1).map_err(|_| WireError::LongVarint { at })?;
            if height == 0 {
                return Ok(None);
            }
            reader.varint()?; // the transaction's version, which Core no longer reads
            let value = decompress_amount(reader.varint()?);
            spent.push_with(value, height, |script| read_script(&mut reader, script))?;
        }
    }
    reader.end()?;
    Ok(Some(spent))
}

/// `DecompressAmount`: amounts are kept with their trailing decimal zeros counted.
fn decompress_amount(compressed: u64) -> u64 {
    if compressed == 0 {
        return 0;
    }
    let mut rest = compressed - 1;
    let zeros = rest % 10;
    rest /= 10;
    let digits = if zeros < 9 {
        let last = rest % 9 + 1;
        (rest / 9).wrapping_mul(10).wrapping_add(last)
    } else {
        rest + 1
    };
    // An amount beyond the supply is refused later, when it is added up.
    digits.saturating_mul(10u64.pow(zeros as u32))
}

/// `DecompressScript`: the common scripts are kept as their kind and hash or key.
fn read_script(reader: &mut Reader<'_>, script: &mut Vec<u8>) -> Result<(), WireError> {
    let at = reader.position();
    let kind = reader.varint()?;
    match kind {
        0 => {
            script.extend([0x76, 0xa9, 20]);
            script.extend(reader.bytes(20)?);
            script.extend([0x88, 0xac]);
        }
        1 => {
            script.extend([0xa9, 20]);
            script.extend(reader.bytes(20)?);
            script.push(0x87);
        }
        2 | 3 => {
            script.extend([33, kind as u8]);
            script.extend(reader.bytes(32)?);
            script.push(0xac);
        }
        4 | 5 => {
            // Only the x coordinate of an uncompressed key is kept, and the parity of y.
            let mut key = [0; 33];
            key[0] = kind as u8 - 2;
            key[1..].copy_from_slice(reader.bytes(32)?);
            let key = PublicKey::from_slice(&key).map_err(|_| WireError::BadPublicKey { at })?;
            script.push(65);
            script.extend(key.serialize_uncompressed());
            script.push(0xac);
        }
        length => script.extend(reader.bytes(length - SPECIAL_SCRIPTS)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_those_of_bitcoin_cores_own_tests() {
        // compressor_tests.cpp: pairs of amount and compressed amount.
        let cases = [
            (0, 0x0),
            (1, 0x1),
            (1_000_000, 0x7),
            (100_000_000, 0x9),
            (50 * 100_000_000, 0x32),
            (21_000_000 * 100_000_000, 0x140_6f40),
        ];
        for (amount, compressed) in cases {
            assert_eq!(decompress_amount(compressed), amount);
        }
        // Any number is some amount or too large a one, and none makes it stumble.
        for compressed in [u64::MAX, u64::MAX - 1, 10, 9] {
            decompress_amount(compressed);
        }
    }

    #[test]
    fn a_record_without_heights_is_no_record() {
        // One transaction, one input, code 0, P2PKH.
        let record = [&[1, 1, 0, 0x9, 0][..], &[7; 20]].concat();
        assert_eq!(decode(&record), Ok(None));
    }

    #[test]
    fn what_is_left_over_is_an_error() {
        assert_eq!(decode(&[0, 0]), Err(WireError::LeftOver { at: 1, left: 1 }));
        assert_eq!(decode(&[1, 1]), Err(WireError::Short { at: 2, wanted: 1 }));
    }
}
