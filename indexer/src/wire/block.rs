//! Whole blocks.

use assay_model::sha256::Messages;

use super::{Hash, Header, Reader, Transaction, WireError};

/// A block: slices of the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// The header.
    pub header: Header,
    /// The transactions.
    pub transactions: Vec<Transaction<'a>>,
    /// Size with witnesses, bytes.
    pub size: usize,
    /// Size without witnesses, bytes.
    pub stripped_size: usize,
}

/// The hashes of a block's transactions, in order.
#[derive(Clone, Debug)]
pub struct TransactionIds {
    /// Without witnesses.
    pub txids: Vec<Hash>,
    /// With witnesses; equal to the other where there are none.
    pub wtxids: Vec<Hash>,
}

impl<'a> Block<'a> {
    /// Reads a block that takes up all of `bytes`.
    ///
    /// # Errors
    ///
    /// If they are no block.
    pub fn read(bytes: &'a [u8]) -> Result<Block<'a>, WireError> {
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let count = reader.count()?;
        let mut stripped_size = reader.position();
        let mut transactions = Vec::new();
        for _ in 0..count {
            let transaction = Transaction::read(&mut reader)?;
            stripped_size += transaction.stripped_size();
            transactions.push(transaction);
        }
        reader.end()?;
        Ok(Block { header, transactions, size: bytes.len(), stripped_size })
    }

    /// Computes the hashes of all transactions.
    pub fn transaction_ids(&self) -> TransactionIds {
        let count = self.transactions.len();
        let mut messages = Messages::with_capacity(2 * count, self.stripped_size + self.size);
        for transaction in &self.transactions {
            messages.push(&transaction.stripped_pieces());
        }
        for transaction in self.transactions.iter().filter(|transaction| transaction.has_witness) {
            messages.push(&[transaction.bytes()]);
        }
        let mut txids = messages.sha256d();
        let with_witness = txids.split_off(self.transactions.len());
        let mut with_witness = with_witness.into_iter();
        let wtxids = (self.transactions.iter().zip(&txids))
            .map(|(transaction, txid)| match transaction.has_witness {
                true => with_witness.next().expect("one was hashed for each with witnesses"),
                false => *txid,
            })
            .collect();
        TransactionIds { txids, wtxids }
    }
}
