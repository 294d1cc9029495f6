//! Signed transactions, types 0 to 4.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::{Encodable, Header as RlpHeader};
use bitcoin::secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use bitcoin::secp256k1::{Message, Secp256k1, VerifyOnly};

use super::{Reader, RlpError};

/// A signed transaction: slices of the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Transaction<'a> {
    /// Offset of its first byte.
    pub offset: usize,
    /// Type: 0 to 4.
    pub kind: u8,
    /// The chain that it is signed for; `None` if for any (before EIP-155).
    pub chain_id: Option<u64>,
    /// Transactions that the sender had sent before.
    pub nonce: u64,
    /// Price per gas, wei; `None` for types with a priority fee.
    pub gas_price: Option<i128>,
    /// Most per gas for the fee recipient, wei (EIP-1559).
    pub max_priority_fee_per_gas: Option<i128>,
    /// Most per gas, wei (EIP-1559).
    pub max_fee_per_gas: Option<i128>,
    /// Most gas.
    pub gas_limit: i64,
    /// Receiver; `None` creates a contract.
    pub to: Option<Address>,
    /// Ether, wei.
    pub value: i128,
    /// Call data, or code.
    pub input: &'a [u8],
    /// The access list (EIP-2930): its items, unread.
    pub access_list: Option<Reader<'a>>,
    /// Most per blob gas, wei (EIP-4844).
    pub max_fee_per_blob_gas: Option<i128>,
    /// Hashes of blobs (EIP-4844): items, unread.
    pub blob_hashes: Option<Reader<'a>>,
    /// Authorisations (EIP-7702): items, unread.
    pub authorizations: Option<Reader<'a>>,
    /// Whether the y coordinate of the signature's point is odd.
    pub y_parity: bool,
    /// Signature, first half.
    pub r: U256,
    /// Signature, second half.
    pub s: U256,
    /// What is hashed, and what the tree of transactions holds: the type, if not 0, and the fields.
    pub bytes: &'a [u8],
    /// The fields that are signed: items, without those that are added for signing.
    signed: &'a [u8],
}

/// An authorisation of EIP-7702.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The chain that it is for; 0 for any.
    pub chain_id: U256,
    /// The code that the account delegates to.
    pub address: Address,
    /// Nonce of the account.
    pub nonce: u64,
    /// Signature.
    pub y_parity: u8,
    /// Signature, first half.
    pub r: U256,
    /// Signature, second half.
    pub s: U256,
}

impl<'a> Transaction<'a> {
    /// Reads a transaction from the list of a block: a list, or a string that holds the type and a
    /// list (EIP-2718).
    ///
    /// # Errors
    ///
    /// If the next item is none.
    pub fn read(reader: &mut Reader<'a>) -> Result<Transaction<'a>, RlpError> {
        if reader.is_list() {
            return read_legacy(reader);
        }
        let mut inner = reader.within_bytes()?;
        let start = inner.position();
        let kind = inner.byte()?;
        if !(1..=4).contains(&kind) {
            return Err(RlpError::UnknownType { at: start, kind });
        }
        let mut fields = inner.list()?;
        inner.end("transaction")?;
        read_typed(kind, start, inner.since(start), &mut fields)
    }

    /// Hash of the transaction.
    pub fn hash(&self) -> B256 {
        keccak256(self.bytes)
    }

    /// The sender, recovered from the signature; `None` if the signature is not valid.
    pub fn recover_sender(&self) -> Option<Address> {
        recover(self.signing_hash(), self.y_parity, &self.r, &self.s)
    }

    fn signing_hash(&self) -> B256 {
        let mut end = Vec::new();
        if let (0, Some(chain_id)) = (self.kind, self.chain_id) {
            // EIP-155: the chain, and an empty signature.
            chain_id.encode(&mut end);
            end.extend([0x80, 0x80]);
        }
        let mut message = Vec::with_capacity(self.signed.len() + 16);
        if self.kind > 0 {
            message.push(self.kind);
        }
        let payload_length = self.signed.len() + end.len();
        RlpHeader { list: true, payload_length }.encode(&mut message);
        message.extend_from_slice(self.signed);
        message.extend(end);
        keccak256(message)
    }
}

/// The address that signed `hash`.
fn recover(hash: B256, y_parity: bool, r: &U256, s: &U256) -> Option<Address> {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r.to_be_bytes::<32>());
    signature[32..].copy_from_slice(&s.to_be_bytes::<32>());
    static CURVE: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);
    let id = RecoveryId::from_i32(i32::from(y_parity)).ok()?;
    let signature = RecoverableSignature::from_compact(&signature, id).ok()?;
    let key = CURVE.recover_ecdsa(&Message::from_digest(hash.0), &signature).ok()?;
    Some(Address::from_raw_public_key(&key.serialize_uncompressed()[1..]))
}

fn read_legacy<'a>(reader: &mut Reader<'a>) -> Result<Transaction<'a>, RlpError> {
    let offset = reader.position();
    let mut fields = reader.list()?;
    let first = fields.position();
    let nonce = fields.u64()?;
    let gas_price = Some(fields.amount()?);
    let gas_limit = fields.i64()?;
    let to = fields.optional_address()?;
    let value = fields.amount()?;
    let input = fields.bytes()?;
    let signed = fields.since(first);
    let at = fields.position();
    let v = fields.u64()?;
    let (chain_id, y_parity) = match v {
        27 | 28 => (None, v == 28),
        35.. => (Some((v - 35) / 2), (v - 35) % 2 == 1),
        _ => return Err(RlpError::TooLarge { at }),
    };
    let (r, s) = (fields.u256()?, fields.u256()?);
    fields.end("transaction")?;
    Ok(Transaction {
        offset,
        kind: 0,
        chain_id,
        nonce,
        gas_price,
        max_priority_fee_per_gas: None,
        max_fee_per_gas: None,
        gas_limit,
        to,
        value,
        input,
        access_list: None,
        max_fee_per_blob_gas: None,
        blob_hashes: None,
        authorizations: None,
        y_parity,
        r,
        s,
        bytes: reader.since(offset),
        signed,
    })
}

/// Reads the `fields` of a transaction whose type is `kind`.
fn read_typed<'a>(
    kind: u8,
    offset: usize,
    bytes: &'a [u8],
    fields: &mut Reader<'a>,
) -> Result<Transaction<'a>, RlpError> {
    let first = fields.position();
    let chain_id = Some(fields.u64()?);
    let nonce = fields.u64()?;
    let (gas_price, max_priority_fee_per_gas, max_fee_per_gas) = match kind {
        1 => (Some(fields.amount()?), None, None),
        _ => (None, Some(fields.amount()?), Some(fields.amount()?)),
    };
    let gas_limit = fields.i64()?;
    let to = fields.optional_address()?;
    let value = fields.amount()?;
    let input = fields.bytes()?;
    let access_list = Some(fields.list()?);
    let (max_fee_per_blob_gas, blob_hashes) = match kind {
        3 => (Some(fields.amount()?), Some(fields.list()?)),
        _ => (None, None),
    };
    let authorizations = if kind == 4 { Some(fields.list()?) } else { None };
    let signed = fields.since(first);
    let at = fields.position();
    let y_parity = match fields.u64()? {
        0 => false,
        1 => true,
        _ => return Err(RlpError::TooLarge { at }),
    };
    let (r, s) = (fields.u256()?, fields.u256()?);
    fields.end("transaction")?;
    Ok(Transaction {
        offset,
        kind,
        chain_id,
        nonce,
        gas_price,
        max_priority_fee_per_gas,
        max_fee_per_gas,
        gas_limit,
        to,
        value,
        input,
        access_list,
        max_fee_per_blob_gas,
        blob_hashes,
        authorizations,
        y_parity,
        r,
        s,
        bytes,
        signed,
    })
}

impl Authorization {
    /// Reads an authorisation.
    ///
    /// # Errors
    ///
    /// If the next item is none.
    pub fn read(reader: &mut Reader<'_>) -> Result<Authorization, RlpError> {
        let mut fields = reader.list()?;
        let chain_id = fields.u256()?;
        let address = fields.address()?;
        let nonce = fields.u64()?;
        let at = fields.position();
        let y_parity = u8::try_from(fields.u64()?).map_err(|_| RlpError::TooLarge { at })?;
        let (r, s) = (fields.u256()?, fields.u256()?);
        fields.end("authorisation")?;
        Ok(Authorization { chain_id, address, nonce, y_parity, r, s })
    }

    /// Who gave it, recovered from the signature (EIP-7702); `None` if that is not valid, and the
    /// authorisation without effect.
    pub fn recover_authority(&self) -> Option<Address> {
        const MAGIC: u8 = 5;
        let mut message = vec![MAGIC];
        let payload_length = self.chain_id.length() + self.address.length() + self.nonce.length();
        RlpHeader { list: true, payload_length }.encode(&mut message);
        self.chain_id.encode(&mut message);
        self.address.encode(&mut message);
        self.nonce.encode(&mut message);
        let y_parity = match self.y_parity {
            0 => false,
            1 => true,
            _ => return None,
        };
        recover(keccak256(message), y_parity, &self.r, &self.s)
    }
}
