//! Block headers.

use alloy_primitives::{Address, B256, keccak256};

use super::{Reader, RlpError};

/// A block header. Fields that came with a fork are `None` in blocks before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Hash: Keccak-256 of its bytes.
    pub hash: B256,
    /// Hash of the header before.
    pub parent_hash: B256,
    /// Hash of the list of uncles.
    pub uncles_hash: B256,
    /// Who is rewarded.
    pub miner: Address,
    /// Root of the accounts.
    pub state_root: B256,
    /// Root of the transactions.
    pub transactions_root: B256,
    /// Root of the receipts.
    pub receipts_root: B256,
    /// Filter of the logs.
    pub logs_bloom: &'a [u8; 256],
    /// Difficulty.
    pub difficulty: i128,
    /// Height.
    pub height: u64,
    /// Most gas that the block may use.
    pub gas_limit: i64,
    /// Gas that it used.
    pub gas_used: i64,
    /// Unix time, seconds.
    pub time: u64,
    /// What the miner wrote.
    pub extra_data: &'a [u8],
    /// Part of the proof of work, or randomness of the beacon chain.
    pub mix_hash: B256,
    /// Part of the proof of work.
    pub nonce: &'a [u8; 8],
    /// Fee per gas that is burnt, wei (EIP-1559).
    pub base_fee_per_gas: Option<i128>,
    /// Root of the withdrawals (EIP-4895).
    pub withdrawals_root: Option<B256>,
    /// Blob gas used (EIP-4844).
    pub blob_gas_used: Option<i64>,
    /// Blob gas above the target, summed up (EIP-4844).
    pub excess_blob_gas: Option<i64>,
    /// Root of the parent beacon block (EIP-4788).
    pub parent_beacon_root: Option<B256>,
    /// Commitment to requests (EIP-7685).
    pub requests_hash: Option<B256>,
}

/// The next field, if there is one.
fn next<'a, T>(
    fields: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, RlpError>,
) -> Result<Option<T>, RlpError> {
    if fields.is_empty() { Ok(None) } else { read(fields).map(Some) }
}

fn hash(fields: &mut Reader<'_>) -> Result<B256, RlpError> {
    fields.array::<32>().map(B256::from)
}

impl<'a> Header<'a> {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// If the next item is none, or has more fields than any fork has given headers so far.
    pub fn read(reader: &mut Reader<'a>) -> Result<Header<'a>, RlpError> {
        let start = reader.position();
        let mut fields = reader.list()?;
        let header = Header {
            hash: keccak256(reader.since(start)),
            parent_hash: hash(&mut fields)?,
            uncles_hash: hash(&mut fields)?,
            miner: fields.address()?,
            state_root: hash(&mut fields)?,
            transactions_root: hash(&mut fields)?,
            receipts_root: hash(&mut fields)?,
            logs_bloom: fields.array()?,
            difficulty: fields.amount()?,
            height: fields.u64()?,
            gas_limit: fields.i64()?,
            gas_used: fields.i64()?,
            time: fields.u64()?,
            extra_data: fields.bytes()?,
            mix_hash: hash(&mut fields)?,
            nonce: fields.array()?,
            base_fee_per_gas: next(&mut fields, Reader::amount)?,
            withdrawals_root: next(&mut fields, hash)?,
            blob_gas_used: next(&mut fields, Reader::i64)?,
            excess_blob_gas: next(&mut fields, Reader::i64)?,
            parent_beacon_root: next(&mut fields, hash)?,
            requests_hash: next(&mut fields, hash)?,
        };
        fields.end("header")?;
        Ok(header)
    }
}
