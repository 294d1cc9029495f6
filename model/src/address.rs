//! Addresses: the text by which people know an output script.
//!
//! Written here and not taken from a library because every output of the chain passes through:
//! checksums are computed for many addresses at once, and the encoders work on the stack.

use arrow::array::{StringArray, StringBuilder};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};

use crate::Network;
use crate::script::{self, ScriptType};
use crate::sha256::Messages;

/// Addresses of many scripts, on their way into a column.
#[derive(Clone, Debug)]
pub struct AddressBuilder {
    network: Network,
    /// One a script.
    kinds: Vec<Kind>,
    /// What base58 addresses encode, without checksums, one after the other.
    hashes: Vec<[u8; BASE58_BYTES - CHECKSUM_BYTES]>,
    /// Witness programs, one after the other.
    programs: Vec<u8>,
}

/// How a script's address is written.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// It has none.
    None,
    /// Base58 of the next hash.
    Base58,
    /// Bech32 of a program of this version and length.
    Segwit { version: u8, length: u8 },
}

impl AddressBuilder {
    /// No addresses yet, in `network`'s encoding, with room for `count`.
    pub fn new(network: Network, count: usize) -> AddressBuilder {
        let kinds = Vec::with_capacity(count);
        AddressBuilder { network, kinds, hashes: Vec::new(), programs: Vec::new() }
    }

    /// Adds the address of `script`, or nothing if it has none.
    ///
    /// `kind` is `ScriptType::of(script)`, which the caller has at hand. A pay-to-public-key script
    /// gets the address of its key's hash, which is how explorers and wallets show it; its type
    /// still says `p2pk`. Bare multisig, `OP_RETURN` and non-standard scripts have no address.
    pub fn push(&mut self, kind: ScriptType, script: &[u8]) {
        let (pubkey, script_hash) =
            (self.network.pubkey_hash_version(), self.network.script_hash_version());
        let kind = match kind {
            ScriptType::P2pkh => self.base58(pubkey, &script[3..23]),
            ScriptType::P2sh => self.base58(script_hash, &script[2..22]),
            ScriptType::P2pk => {
                let key = script::p2pk_key(script).expect("the kind is p2pk");
                self.base58(pubkey, &Ripemd160::digest(Sha256::digest(key)))
            }
            ScriptType::P2wpkh
            | ScriptType::P2wsh
            | ScriptType::P2tr
            | ScriptType::P2a
            | ScriptType::WitnessUnknown => {
                let (version, program) =
                    script::witness_program(script).expect("the kind is a witness program");
                self.programs.extend_from_slice(program);
                Kind::Segwit { version, length: program.len() as u8 } // at most 40 (BIP 141)
            }
            ScriptType::Multisig | ScriptType::OpReturn | ScriptType::Nonstandard => Kind::None,
        };
        self.kinds.push(kind);
    }

    fn base58(&mut self, version: u8, hash: &[u8]) -> Kind {
        let mut bytes = [version; BASE58_BYTES - CHECKSUM_BYTES];
        bytes[1..].copy_from_slice(hash);
        self.hashes.push(bytes);
        Kind::Base58
    }

    /// The column: one row a script, null where it has no address.
    pub fn finish(self) -> StringArray {
        let count = self.hashes.len();
        let mut messages = Messages::with_capacity(count, count * BASE58_BYTES);
        for hash in &self.hashes {
            messages.push(&[hash]);
        }
        let mut hashes = self.hashes.iter().zip(messages.sha256d());
        let mut programs = &self.programs[..];
        let mut column = StringBuilder::with_capacity(self.kinds.len(), 48 * self.kinds.len());
        let mut text = String::new();
        for kind in self.kinds {
            text.clear();
            match kind {
                Kind::None => {
                    column.append_null();
                    continue;
                }
                Kind::Base58 => {
                    let (hash, checksum) = hashes.next().expect("one was pushed for each");
                    let mut bytes = [0; BASE58_BYTES];
                    bytes[..hash.len()].copy_from_slice(hash);
                    bytes[hash.len()..].copy_from_slice(&checksum[..CHECKSUM_BYTES]);
                    base58(&bytes, &mut text);
                }
                Kind::Segwit { version, length } => {
                    let (program, rest) = programs.split_at(usize::from(length));
                    programs = rest;
                    segwit(self.network.bech32_prefix(), version, program, &mut text);
                }
            }
            column.append_value(&text);
        }
        column.finish()
    }
}

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Bytes of a base58check address: version, hash, checksum.
const BASE58_BYTES: usize = 1 + 20 + CHECKSUM_BYTES;
/// Bytes of its checksum.
const CHECKSUM_BYTES: usize = 4;
/// Characters that 25 bytes can need: ⌈25 · 8 / log2(58)⌉.
const BASE58_CHARS: usize = 35;

/// Appends `bytes` in base 58 (Bitcoin Core's `base58.cpp`).
fn base58(bytes: &[u8; BASE58_BYTES], text: &mut String) {
    // 25 bytes are 7 limbs of 32 bits, the first with one byte. Dividing by 58^5, the largest
    // power below 2^32, yields five characters a round and leaves the number a limb shorter, or
    // nearly so.
    let mut limbs = [0u32; 7];
    limbs[0] = u32::from(bytes[0]);
    for (limb, chunk) in limbs[1..].iter_mut().zip(bytes[1..].as_chunks().0) {
        *limb = u32::from_be_bytes(*chunk);
    }
    let mut chars = [0u8; BASE58_CHARS];
    let mut limbs = &mut limbs[..];
    for group in chars.rchunks_exact_mut(5) {
        let zeros = limbs.iter().take_while(|&&limb| limb == 0).count();
        limbs = &mut limbs[zeros..];
        let mut rest = 0u64;
        for limb in limbs.iter_mut() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / 58u64.pow(5)) as u32;
            rest = value % 58u64.pow(5);
        }
        let mut rest = rest as u32; // below 58^5
        for char in group.iter_mut().rev() {
            *char = (rest % 58) as u8;
            rest /= 58;
        }
    }
    // Each leading zero byte is one leading '1'; the number itself has no leading zeros.
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let digits = chars.iter().position(|&digit| digit != 0).unwrap_or(BASE58_CHARS);
    let chars = chars.map(|digit| BASE58[usize::from(digit)]);
    text.extend(std::iter::repeat_n('1', zeros));
    text.push_str(std::str::from_utf8(&chars[digits..]).expect("the characters are ASCII"));
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Checksum constants of bech32 (BIP 173) and bech32m (BIP 350).
const BECH32_CHECKSUM: u32 = 1;
const BECH32M_CHECKSUM: u32 = 0x2bc8_30a3;
/// Values of five bits in a checksum.
const BECH32_CHECKSUM_VALUES: usize = 6;
/// Values of five bits in the longest address: version, program of 40 bytes, checksum.
const BECH32_VALUES: usize = 1 + 64 + BECH32_CHECKSUM_VALUES;

/// Appends the address of a witness program: bech32 for version 0, bech32m above (BIP 350).
fn segwit(prefix: &str, version: u8, program: &[u8], text: &mut String) {
    let mut values = [0u8; BECH32_VALUES];
    values[0] = version;
    let mut count = 1;
    for chunk in program.chunks(5) {
        // Five bytes are eight values; the last are filled up with zero bits.
        let mut bytes = [0; 8];
        bytes[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bytes);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            values[count] = (bits >> (35 - 5 * place) & 31) as u8;
            count += 1;
        }
    }
    let constant = if version == 0 { BECH32_CHECKSUM } else { BECH32M_CHECKSUM };
    let checksum = checksum(prefix, &values[..count]) ^ constant;
    for place in (0..BECH32_CHECKSUM_VALUES).rev() {
        values[count] = (checksum >> (5 * place) & 31) as u8;
        count += 1;
    }
    let chars = values.map(|value| BECH32[usize::from(value)]);
    text.push_str(prefix);
    text.push('1');
    text.push_str(std::str::from_utf8(&chars[..count]).expect("the characters are ASCII"));
}

/// What a value of five bits adds to a checksum when so many steps (BIP 173) are done after it.
///
/// The steps are linear over bits, so that the checksum is the sum of what its values add, which
/// can be looked up in any order: a step waits for the one before, these sums do not.
static CHECKSUM_TERMS: [[u32; 32]; CHECKSUM_STEPS] = {
    const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let mut terms = [[0; 32]; CHECKSUM_STEPS];
    let mut value = 0;
    while value < 32 {
        let mut state = value as u32;
        let mut step = 0;
        while step < CHECKSUM_STEPS {
            terms[step][value] = state;
            let top = state >> 25; // the state has 30 bits
            state = (state & 0x1ff_ffff) << 5;
            let mut bit = 0;
            while bit < 5 {
                if top >> bit & 1 == 1 {
                    state ^= GENERATORS[bit];
                }
                bit += 1;
            }
            step += 1;
        }
        value += 1;
    }
    terms
};
/// The most steps that follow a value: those of the longest address and of the longest prefix.
const CHECKSUM_STEPS: usize = BECH32_VALUES + 2 * LONGEST_PREFIX + 2;
/// Characters of `bcrt`.
const LONGEST_PREFIX: usize = 4;

/// The BCH checksum (BIP 173) of `values` after `prefix`, before the constant is added.
fn checksum(prefix: &str, values: &[u8]) -> u32 {
    let prefix = prefix.as_bytes();
    // The state begins as one; a prefix counts as its high bits, zero, and its low bits.
    let head = std::iter::once(1)
        .chain(prefix.iter().map(|byte| byte >> 5))
        .chain([0])
        .chain(prefix.iter().map(|byte| byte & 31));
    let steps = 2 * prefix.len() + 1 + values.len() + BECH32_CHECKSUM_VALUES;
    let terms = CHECKSUM_TERMS[..=steps].iter().rev();
    (terms.zip(head.chain(values.iter().copied())))
        .fold(0, |sum, (terms, value)| sum ^ terms[usize::from(value & 31)])
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use proptest::prelude::*;

    use super::*;
    use crate::hex;

    fn address(network: Network, script: &[u8]) -> Option<String> {
        let mut addresses = AddressBuilder::new(network, 1);
        addresses.push(ScriptType::of(script), script);
        let column = addresses.finish();
        column.is_valid(0).then(|| column.value(0).to_owned())
    }

    fn reference(network: Network, script: &[u8]) -> Option<String> {
        let kind = match network {
            Network::Mainnet => bitcoin::Network::Bitcoin,
            Network::Testnet3 => bitcoin::Network::Testnet,
            Network::Testnet4 => bitcoin::Network::Testnet4,
            Network::Signet => bitcoin::Network::Signet,
            Network::Regtest => bitcoin::Network::Regtest,
        };
        let script = bitcoin::Script::from_bytes(script);
        bitcoin::Address::from_script(script, kind).ok().map(|address| address.to_string())
    }

    #[test]
    fn known_addresses() {
        let genesis = "4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f\
                       4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac";
        let cases = [
            (genesis, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
            ("51024e73", "bc1pfeessrawgf"),
            ("76a914000000000000000000000000000000000000000088ac", "1111111111111111111114oLvT2"),
        ];
        for (script, expected) in cases {
            let script = hex::decode(script).expect("hex");
            assert_eq!(address(Network::Mainnet, &script).as_deref(), Some(expected));
        }
    }

    proptest! {
        #[test]
        fn addresses_agree_with_the_bitcoin_crate(
            hash in prop::array::uniform32(any::<u8>()),
            zeros in 0usize..32,
            program in prop::collection::vec(any::<u8>(), 2..=40),
            version in 2u8..=16,
            network in prop::sample::select(Network::ALL.to_vec()),
        ) {
            let mut hash = hash;
            hash[..zeros].fill(0);
            let scripts = [
                [&[0x76, 0xa9, 20], &hash[..20], &[0x88, 0xac]].concat(),
                [&[0xa9, 20], &hash[..20], &[0x87]].concat(),
                [&[0, 20], &hash[..20]].concat(),
                [&[0, 32], &hash[..]].concat(),
                [&[0x51, 32], &hash[..]].concat(),
                [&[0x50 + version, program.len() as u8], &program[..]].concat(),
            ];
            for script in scripts {
                prop_assert_eq!(address(network, &script), reference(network, &script));
            }
        }

        #[test]
        fn any_bytes_have_a_type_and_perhaps_an_address(
            script in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let kind = ScriptType::of(&script);
            if kind != ScriptType::P2pk {
                prop_assert_eq!(
                    address(Network::Mainnet, &script),
                    reference(Network::Mainnet, &script)
                );
            }
        }
    }
}
