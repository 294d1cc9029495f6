//! Whole blocks.

use alloy_primitives::{Address, B256, keccak256};

use super::{Header, Reader, RlpError, Transaction};

/// A block: slices of the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// The header.
    pub header: Header<'a>,
    /// The transactions.
    pub transactions: Vec<Transaction<'a>>,
    /// Headers of the uncles.
    pub uncles: Vec<Header<'a>>,
    /// Hash of the list of uncles.
    pub uncles_hash: B256,
    /// The withdrawals (EIP-4895); `None` before Shanghai.
    pub withdrawals: Option<Vec<Withdrawal<'a>>>,
    /// Length of the block, bytes.
    pub size: usize,
}

/// A withdrawal from the beacon chain (EIP-4895).
#[derive(Clone, Copy, Debug)]
pub struct Withdrawal<'a> {
    /// Number of the withdrawal.
    pub index: i64,
    /// The validator.
    pub validator_index: i64,
    /// Who receives it.
    pub address: Address,
    /// How much, Gwei.
    pub amount_gwei: u64,
    /// What the tree of withdrawals holds.
    pub bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads a block: a list of header, transactions, uncles and, since Shanghai, withdrawals, as
    /// clients send and export it.
    ///
    /// # Errors
    ///
    /// If the next item is none.
    pub fn read(reader: &mut Reader<'a>) -> Result<Block<'a>, RlpError> {
        let start = reader.position();
        let mut fields = reader.list()?;
        let header = Header::read(&mut fields)?;
        let transactions = all(fields.list()?, Transaction::read)?;
        let uncles_start = fields.position();
        let uncles = all(fields.list()?, Header::read)?;
        let uncles_hash = keccak256(fields.since(uncles_start));
        let withdrawals = match fields.is_empty() {
            true => None,
            false => Some(all(fields.list()?, Withdrawal::read)?),
        };
        fields.end("block")?;
        let size = reader.since(start).len();
        Ok(Block { header, transactions, uncles, uncles_hash, withdrawals, size })
    }
}

/// All items of a list.
pub fn all<'a, T>(
    mut items: Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, RlpError>,
) -> Result<Vec<T>, RlpError> {
    let mut found = Vec::new();
    while !items.is_empty() {
        found.push(read(&mut items)?);
    }
    Ok(found)
}

impl<'a> Withdrawal<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Withdrawal<'a>, RlpError> {
        let start = reader.position();
        let mut fields = reader.list()?;
        let index = fields.i64()?;
        let validator_index = fields.i64()?;
        let address = fields.address()?;
        let amount_gwei = fields.u64()?;
        fields.end("withdrawal")?;
        let bytes = reader.since(start);
        Ok(Withdrawal { index, validator_index, address, amount_gwei, bytes })
    }
}
