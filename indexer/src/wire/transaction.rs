//! Transactions.

use super::{Hash, Reader, WireError};

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
    /// Whether it spends nothing, as the input of a coinbase does.
    pub fn is_null(&self) -> bool {
        self.spent_output_index == u32::MAX && *self.spent_txid == [0; 32]
    }

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

/// A transaction: slices of the bytes that it was read from.
#[derive(Clone, Debug)]
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
    /// Reads a transaction.
    ///
    /// # Errors
    ///
    /// If the bytes are no transaction, or one that no valid block can hold.
    pub fn read(reader: &mut Reader<'a>) -> Result<Transaction<'a>, WireError> {
        let offset = reader.position();
        let version = reader.u32()?;
        let mut body = reader.position();
        let mut input_count = reader.count()?;
        let has_witness = input_count == 0;
        if has_witness {
            // No transaction has no inputs: the zero is the marker of BIP 144.
            if reader.u8()? != 1 {
                return Err(WireError::BadWitnessFlag { at: offset });
            }
            body = reader.position();
            input_count = reader.count()?;
        }
        let mut inputs = read_inputs(reader, input_count)?;
        if inputs.is_empty() {
            return Err(WireError::NoInputs { at: offset });
        }
        let outputs = read_outputs(reader)?;
        if outputs.is_empty() {
            return Err(WireError::NoOutputs { at: offset });
        }
        let body = reader.since(body);
        // Bitcoin Core: "Superfluous witness record".
        if has_witness && !read_witnesses(reader, &mut inputs)? {
            return Err(WireError::BadWitnessFlag { at: offset });
        }
        let lock_time = reader.u32()?;
        let raw = reader.since(offset);
        Ok(Transaction { version, inputs, outputs, lock_time, offset, has_witness, raw, body })
    }

    /// Whether it is a coinbase by form: one input that spends nothing.
    pub fn is_coinbase(&self) -> bool {
        matches!(&self.inputs[..], [input] if input.is_null())
    }

    /// Size with witnesses, bytes.
    pub fn size(&self) -> usize {
        self.raw.len()
    }

    /// Size without witnesses, bytes.
    pub fn stripped_size(&self) -> usize {
        4 + self.body.len() + 4
    }

    /// Its bytes with witnesses: what the witness transaction id is the hash of.
    pub fn bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// Its bytes without witnesses: what the transaction id is the hash of.
    pub fn stripped_pieces(&self) -> [&'a [u8]; 3] {
        [&self.raw[..4], self.body, &self.raw[self.raw.len() - 4..]]
    }
}

fn read_inputs<'a>(reader: &mut Reader<'a>, count: u64) -> Result<Vec<Input<'a>>, WireError> {
    let mut inputs = Vec::new();
    for _ in 0..count {
        inputs.push(Input {
            spent_txid: reader.array()?,
            spent_output_index: reader.u32()?,
            script_sig: reader.counted_bytes()?,
            sequence: reader.u32()?,
            witness: &[],
        });
    }
    Ok(inputs)
}

fn read_outputs<'a>(reader: &mut Reader<'a>) -> Result<Vec<Output<'a>>, WireError> {
    let count = reader.count()?;
    let mut outputs = Vec::new();
    for _ in 0..count {
        outputs.push(Output { value: reader.u64()?, script: reader.counted_bytes()? });
    }
    Ok(outputs)
}

/// Reads the witnesses of `inputs`, and says whether there are any.
fn read_witnesses<'a>(
    reader: &mut Reader<'a>,
    inputs: &mut [Input<'a>],
) -> Result<bool, WireError> {
    let mut any = false;
    for input in inputs {
        let start = reader.position();
        let items = reader.count()?;
        for _ in 0..items {
            reader.counted_bytes()?;
        }
        any |= items > 0;
        input.witness = reader.since(start);
    }
    Ok(any)
}
