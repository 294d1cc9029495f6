//! Receipts of transactions.

use alloy_primitives::{Address, B256};

use super::{Reader, RlpError};

/// Most topics that a log has: the opcodes are LOG0 to LOG4.
pub const MAX_TOPICS: usize = 4;

/// What a transaction did: slices of the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Receipt<'a> {
    /// Type of the transaction.
    pub kind: u8,
    /// How it ended.
    pub outcome: Outcome,
    /// Gas used in the block up to and with this transaction.
    pub cumulative_gas_used: i64,
    /// The logs.
    pub logs: Vec<Log<'a>>,
    /// What the tree of receipts holds: the type, if not 0, and the fields.
    pub bytes: &'a [u8],
}

/// How a transaction ended, as its receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whether it succeeded (EIP-658).
    Status(bool),
    /// Root of the accounts after it: what receipts said before Byzantium.
    StateRoot(B256),
}

/// What a contract logged.
#[derive(Clone, Debug)]
pub struct Log<'a> {
    /// The contract.
    pub address: Address,
    /// Its topics, at most [`MAX_TOPICS`].
    pub topics: Vec<&'a [u8; 32]>,
    /// The rest.
    pub data: &'a [u8],
}

impl<'a> Receipt<'a> {
    /// Reads a receipt from a list: a list, or a string that holds the type and a list (EIP-2718).
    ///
    /// # Errors
    ///
    /// If the next item is none.
    pub fn read(reader: &mut Reader<'a>) -> Result<Receipt<'a>, RlpError> {
        if reader.is_list() {
            let start = reader.position();
            let fields = reader.list()?;
            return read_fields(0, reader.since(start), fields);
        }
        let mut inner = reader.within_bytes()?;
        let start = inner.position();
        let kind = inner.byte()?;
        if !(1..=4).contains(&kind) {
            return Err(RlpError::UnknownType { at: start, kind });
        }
        let fields = inner.list()?;
        inner.end("receipt")?;
        read_fields(kind, inner.since(start), fields)
    }
}

fn read_fields<'a>(
    kind: u8,
    bytes: &'a [u8],
    mut fields: Reader<'a>,
) -> Result<Receipt<'a>, RlpError> {
    let at = fields.position();
    let outcome = match fields.bytes()? {
        [] => Outcome::Status(false),
        [1] => Outcome::Status(true),
        root => match root.try_into() {
            Ok(root) => Outcome::StateRoot(B256::new(root)),
            Err(_) => return Err(RlpError::Length { at, found: root.len(), wanted: 32 }),
        },
    };
    let cumulative_gas_used = fields.i64()?;
    fields.array::<256>()?; // the logs' bloom filter, which the logs determine
    let mut items = fields.list()?;
    fields.end("receipt")?;
    let mut logs = Vec::new();
    while !items.is_empty() {
        logs.push(Log::read(&mut items)?);
    }
    Ok(Receipt { kind, outcome, cumulative_gas_used, logs, bytes })
}

impl<'a> Log<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Log<'a>, RlpError> {
        let mut fields = reader.list()?;
        let address = fields.address()?;
        let mut items = fields.list()?;
        let mut topics = Vec::with_capacity(MAX_TOPICS);
        while !items.is_empty() {
            if topics.len() == MAX_TOPICS {
                return Err(RlpError::LeftOver { at: items.position(), what: "list of topics" });
            }
            topics.push(items.array::<32>()?);
        }
        let data = fields.bytes()?;
        fields.end("log")?;
        Ok(Log { address, topics, data })
    }
}
