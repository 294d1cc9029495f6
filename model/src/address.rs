//! Addresses: the text by which people know an output script.
//!
//! Written here and not taken from a library because every output of the chain passes through:
//! the encoders work on the stack and append to the caller's buffer.

use ripemd::Ripemd160;
use sha2::{Digest, Sha256};

use crate::Network;
use crate::script::{self, ScriptType};

/// Appends the address of `script` in `network`'s encoding to `text`, and says whether it has one.
///
/// `kind` is `ScriptType::of(script)`, which the caller has at hand. A pay-to-public-key script
/// gets the address of its key's hash, which is how explorers and wallets show it; its type still
/// says `p2pk`. Bare multisig, `OP_RETURN` and non-standard scripts have no address.
pub fn encode_into(network: Network, kind: ScriptType, script: &[u8], text: &mut String) -> bool {
    match kind {
        ScriptType::P2pkh => base58check(network.pubkey_hash_version(), &script[3..23], text),
        ScriptType::P2sh => base58check(network.script_hash_version(), &script[2..22], text),
        ScriptType::P2pk => {
            let key = script::p2pk_key(script).expect("the kind is p2pk");
            let hash = Ripemd160::digest(Sha256::digest(key));
            base58check(network.pubkey_hash_version(), &hash, text);
        }
        ScriptType::P2wpkh
        | ScriptType::P2wsh
        | ScriptType::P2tr
        | ScriptType::P2a
        | ScriptType::WitnessUnknown => {
            let (version, program) =
                script::witness_program(script).expect("the kind is a witness program");
            segwit(network.bech32_prefix(), version, program, text);
        }
        ScriptType::Multisig | ScriptType::OpReturn | ScriptType::Nonstandard => return false,
    }
    true
}

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Bytes of a base58check address: version, hash, checksum.
const BASE58_BYTES: usize = 1 + 20 + 4;
/// Characters that 25 bytes can need: ⌈25 · 8 / log2(58)⌉.
const BASE58_CHARS: usize = 35;

/// Appends version and hash with their checksum in base 58 (Bitcoin Core's `base58.cpp`).
fn base58check(version: u8, hash: &[u8], text: &mut String) {
    let mut bytes = [0; BASE58_BYTES];
    bytes[0] = version;
    bytes[1..21].copy_from_slice(hash);
    let checksum = Sha256::digest(Sha256::digest(&bytes[..21]));
    bytes[21..].copy_from_slice(&checksum[..4]);

    // 25 bytes are 7 limbs of 32 bits, the first with one byte. Dividing by 58^5, the largest
    // power below 2^32, yields five characters a round.
    let mut limbs = [0u32; 7];
    limbs[0] = u32::from(bytes[0]);
    for (limb, chunk) in limbs[1..].iter_mut().zip(bytes[1..].chunks_exact(4)) {
        *limb = u32::from_be_bytes(chunk.try_into().expect("chunks of four"));
    }
    let mut chars = [0u8; BASE58_CHARS];
    for group in chars.rchunks_exact_mut(5) {
        let mut rest = 0u64;
        for limb in &mut limbs {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / 58u64.pow(5)) as u32;
            rest = value % 58u64.pow(5);
        }
        for char in group.iter_mut().rev() {
            *char = (rest % 58) as u8;
            rest /= 58;
        }
    }
    // Each leading zero byte is one leading '1'; the number itself has no leading zeros.
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let digits = chars.iter().position(|&digit| digit != 0).unwrap_or(BASE58_CHARS);
    text.extend(std::iter::repeat_n('1', zeros));
    text.extend(chars[digits..].iter().map(|&digit| char::from(BASE58[usize::from(digit)])));
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Checksum constants of bech32 (BIP 173) and bech32m (BIP 350).
const BECH32_CHECKSUM: u32 = 1;
const BECH32M_CHECKSUM: u32 = 0x2bc8_30a3;

/// Appends the address of a witness program: bech32 for version 0, bech32m above (BIP 350).
fn segwit(prefix: &str, version: u8, program: &[u8], text: &mut String) {
    let mut checksum = Checksum::start(prefix);
    text.push_str(prefix);
    text.push('1');
    let push = |value: u8, checksum: &mut Checksum, text: &mut String| {
        checksum.add(value);
        text.push(char::from(BECH32[usize::from(value)]));
    };
    push(version, &mut checksum, text);
    let (mut bits, mut held) = (0u32, 0);
    for &byte in program {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            push((bits >> held & 31) as u8, &mut checksum, text);
        }
    }
    if held > 0 {
        push((bits << (5 - held) & 31) as u8, &mut checksum, text);
    }
    let constant = if version == 0 { BECH32_CHECKSUM } else { BECH32M_CHECKSUM };
    for value in checksum.finish(constant) {
        text.push(char::from(BECH32[usize::from(value)]));
    }
}

/// What each value of the five bits that leave the checksum adds to it: the sum of the generators
/// (BIP 173) of the bits that are set.
const CHECKSUM_TERMS: [u32; 32] = {
    const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let mut terms = [0; 32];
    let mut top = 0;
    while top < 32 {
        let mut bit = 0;
        while bit < 5 {
            if top >> bit & 1 == 1 {
                terms[top] ^= GENERATORS[bit];
            }
            bit += 1;
        }
        top += 1;
    }
    terms
};

/// The BCH checksum of BIP 173.
struct Checksum(u32);

impl Checksum {
    fn start(prefix: &str) -> Checksum {
        let mut checksum = Checksum(1);
        prefix.bytes().for_each(|byte| checksum.add(byte >> 5));
        checksum.add(0);
        prefix.bytes().for_each(|byte| checksum.add(byte & 31));
        checksum
    }

    fn add(&mut self, value: u8) {
        let top = (self.0 >> 25) as usize; // the value has 30 bits
        self.0 = ((self.0 & 0x1ff_ffff) << 5) ^ u32::from(value) ^ CHECKSUM_TERMS[top];
    }

    fn finish(mut self, constant: u32) -> [u8; 6] {
        (0..6).for_each(|_| self.add(0));
        let rest = self.0 ^ constant;
        std::array::from_fn(|place| (rest >> (5 * (5 - place)) & 31) as u8)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hex;

    fn address(network: Network, script: &[u8]) -> Option<String> {
        let mut text = String::new();
        encode_into(network, ScriptType::of(script), script, &mut text).then_some(text)
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
