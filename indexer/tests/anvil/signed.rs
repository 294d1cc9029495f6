//! What a node does not sign for its own accounts: authorisations, and transactions of unusual form.

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_rlp::{Encodable, Header};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cells::quantity;

/// The generator of the group in which blobs are committed to, and its zero (EIP-4844), compressed.
const GENERATOR: &str = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58\
                         6c55e83ff97a1aeffb3af00adb22c6bb";
const ZERO: &str = "c00000000000000000000000000000000000000000000000\
                    000000000000000000000000000000000000000000000000";

/// An account that the node does not know the key of.
pub struct Stranger {
    key: SecretKey,
    pub address: Address,
}

impl Stranger {
    pub fn new(seed: u8) -> Stranger {
        let key = SecretKey::from_slice(&[seed; 32]).expect("a key");
        let public = key.public_key(&Secp256k1::new()).serialize_uncompressed();
        Stranger { key, address: Address::from_raw_public_key(&public[1..]) }
    }

    /// What it signs to delegate to `code` (EIP-7702), as nodes take it.
    pub fn authorization(&self, chain_id: u64, code: Address, nonce: u64) -> Value {
        let message = list(&[&chain_id, &code, &nonce]);
        let (parity, r, s) = self.sign(&[&[5], &message[..]].concat());
        json!({
            "chainId": quantity(chain_id),
            "address": code,
            "nonce": quantity(nonce),
            "yParity": quantity(parity),
            "r": r,
            "s": s,
        })
    }

    /// A payment of `value` wei that is signed for any chain, as before EIP-155.
    pub fn payment(&self, nonce: u64, gas_price: u64, to: Address, value: u64) -> Vec<u8> {
        let (gas, data) = (50_000_u64, Bytes::new());
        let fields: [&dyn Encodable; 6] = [&nonce, &gas_price, &gas, &to, &value, &data];
        let (parity, r, s) = self.sign(&list(&fields));
        list(&[&fields[..], &[&(27 + parity), &r, &s]].concat())
    }

    /// A transaction with two blobs (EIP-4844), as it stands in blocks: without the blobs.
    pub fn blob_transaction(&self, chain_id: u64, nonce: u64, price: u64, to: Address) -> Vec<u8> {
        let (tip, gas, value, data) = (1_u64, 50_000_u64, 5_u64, Bytes::new());
        let (access_list, hashes) = (Vec::<Address>::new(), blob_hashes());
        let fields: [&dyn Encodable; 11] = [
            &chain_id,
            &nonce,
            &tip,
            &price,
            &gas,
            &to,
            &value,
            &data,
            &access_list,
            &price,
            &hashes,
        ];
        let (parity, r, s) = self.sign(&[&[3], &list(&fields)[..]].concat());
        [&[3], &list(&[&fields[..], &[&parity, &r, &s]].concat())[..]].concat()
    }

    /// Signs the hash of `message`.
    fn sign(&self, message: &[u8]) -> (u64, U256, U256) {
        let message = Message::from_digest(keccak256(message).0);
        let signature = Secp256k1::new().sign_ecdsa_recoverable(&message, &self.key);
        let (parity, halves) = signature.serialize_compact();
        let half = |bytes| U256::from_be_slice(bytes);
        (u64::from(parity.to_i32() == 1), half(&halves[..32]), half(&halves[32..]))
    }
}

/// The RLP of a list of `items`.
fn list(items: &[&dyn Encodable]) -> Vec<u8> {
    let mut payload = Vec::new();
    items.iter().for_each(|item| item.encode(&mut payload));
    let mut bytes = Vec::new();
    Header { list: true, payload_length: payload.len() }.encode(&mut bytes);
    [bytes, payload].concat()
}

/// Hashes of two blobs, one of zeros and one of ones: what commits to a blob of one number all over,
/// which is a constant polynomial, is that number times the generator.
fn blob_hashes() -> Vec<B256> {
    let hash = |commitment| {
        let mut hash = Sha256::digest(hex::decode(commitment).expect("hex"));
        hash[0] = 1;
        B256::from_slice(&hash)
    };
    [ZERO, GENERATOR].map(hash).to_vec()
}
