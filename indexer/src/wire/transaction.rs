//! Transactions.

use super::{Hash, Reader, WireError, sha256d};

/// One input of a transaction.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Id of the transaction whose output is spent, in wire order; zero in a coinbase.
    pub spent_txid: &'a Hash,
    /// Which of its outputs; 2^32 − 1 in a coinbase.
    pub spent_output_index: u32,
    /// Input script.
    pub script_sig: &'a [u8],
    /// Sequence number.
    pub sequence: u32,
    /// The witness stack in wire format; empty where the transaction has no witnesses.
    pub witness: &'a [u8],
}

impl<'a> Input<'a> {
    /// The items of the witness stack.
    pub fn witness_items(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.witness);
        let items = if self.witness.is_empty() { 0 } else { reader.count().unwrap_or(0) };
        (0..items).map(move |_| reader.counted_bytes().expect("read once when it was parsed"))
    }
}

/// One output of a transaction.
#[derive(Clone, Debug)]
pub struct Output<'a> {
    /// Value as written, satoshi; not checked against the supply.
    pub value: u64,
    /// Output script.
    pub script: &'a [u8],
}

/// A transaction: slices of the block that it stands in.
///
/// One value serves for all transactions of a block, so that its vectors are allocated once.
#[derive(Clone, Debug, Default)]
pub struct Transaction<'a> {
    /// Version.
    pub version: u32,
    /// Inputs.
    pub inputs: Vec<Input<'a>>,
    /// Outputs.
    pub outputs: Vec<Output<'a>>,
    /// Earliest height or time at which it is valid.
    pub lock_time: u32,
    /// Offset of its first byte.
    pub offset: usize,
    /// Whether any input has a witness.
    pub has_witness: bool,
    /// All its bytes.
    raw: &'a [u8],
    /// The bytes of inputs and outputs with their counts: what is hashed between version and
    /// lock time.
    body: &'a [u8],
}

impl<'a> Transaction<'a> {
    /// Reads the next transaction into `self`, whose former content is lost.
    ///
    /// # Errors
    ///
    /// If the bytes are no transaction, or one that no valid block can hold.
    pub fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), WireError> {
        self.inputs.clear();
        self.outputs.clear();
        let at = reader.position();
        self.offset = at;
        self.version = reader.u32()?;
        let mut body = reader.position();
        let mut inputs = reader.count()?;
        self.has_witness = inputs == 0;
        if self.has_witness {
            // No transaction has no inputs: the zero is the marker of BIP 144.
            if reader.u8()? != 1 {
                return Err(WireError::BadWitnessFlag { at });
            }
            body = reader.position();
            inputs = reader.count()?;
        }
        if inputs == 0 {
            return Err(WireError::NoInputs { at });
        }
        for _ in 0..inputs {
            self.inputs.push(Input {
                spent_txid: reader.array()?,
                spent_output_index: reader.u32()?,
                script_sig: reader.counted_bytes()?,
                sequence: reader.u32()?,
                witness: &[],
            });
        }
        let outputs = reader.count()?;
        if outputs == 0 {
            return Err(WireError::NoOutputs { at });
        }
        for _ in 0..outputs {
            self.outputs.push(Output { value: reader.u64()?, script: reader.counted_bytes()? });
        }
        self.body = reader.since(body);
        if self.has_witness {
            self.read_witnesses(reader)?;
        }
        self.lock_time = reader.u32()?;
        self.raw = reader.since(at);
        Ok(())
    }

    fn read_witnesses(&mut self, reader: &mut Reader<'a>) -> Result<(), WireError> {
        let mut any = false;
        for input in &mut self.inputs {
            let start = reader.position();
            let items = reader.count()?;
            for _ in 0..items {
                reader.counted_bytes()?;
            }
            any |= items > 0;
            input.witness = reader.since(start);
        }
        // Bitcoin Core: "Superfluous witness record".
        if any { Ok(()) } else { Err(WireError::BadWitnessFlag { at: self.offset }) }
    }

    /// Whether it is a coinbase by form: one input that spends nothing.
    pub fn is_coinbase(&self) -> bool {
        matches!(&self.inputs[..], [input]
            if input.spent_output_index == u32::MAX && *input.spent_txid == [0; 32])
    }

    /// Size with witnesses, bytes.
    pub fn size(&self) -> usize {
        self.raw.len()
    }

    /// Size without witnesses, bytes.
    pub fn stripped_size(&self) -> usize {
        4 + self.body.len() + 4
    }

    /// Hash without witnesses: the transaction id.
    pub fn txid(&self) -> Hash {
        if self.has_witness {
            let lock_time = &self.raw[self.raw.len() - 4..];
            sha256d(&[&self.raw[..4], self.body, lock_time])
        } else {
            sha256d(&[self.raw])
        }
    }

    /// Hash with witnesses, for a transaction that has some; else it is the transaction id.
    pub fn wtxid(&self, txid: &Hash) -> Hash {
        if self.has_witness { sha256d(&[self.raw]) } else { *txid }
    }
}
