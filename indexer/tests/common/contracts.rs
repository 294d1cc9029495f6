//! The contracts of `fixtures/contracts`, compiled where `node` and the packages that they need are
//! installed; and calls of them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use alloy_primitives::{Address, U256, keccak256};

use crate::anvil::{node_modules, program, skipped};

/// By name the code that creates a contract, in hex; `None` if it cannot be compiled here.
pub fn compiled() -> Option<&'static BTreeMap<String, String>> {
    static COMPILED: OnceLock<Option<BTreeMap<String, String>>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(compile).as_ref();
    if compiled.is_none() {
        skipped("node, solc and @openzeppelin/contracts are not all installed");
    }
    compiled
}

fn compile() -> Option<BTreeMap<String, String>> {
    let node = program("node", "NODE", &[])?;
    let modules = node_modules();
    if !modules.join("solc").is_dir() || !modules.join("@openzeppelin/contracts").is_dir() {
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/contracts/compile.js");
    let output = Command::new(node).arg(script).env("NODE_PATH", modules).output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// An argument of a function.
pub enum Argument {
    Word(U256),
    Words(Vec<U256>),
    Bytes(Vec<u8>),
}

impl From<u64> for Argument {
    fn from(number: u64) -> Argument {
        Argument::Word(U256::from(number))
    }
}

impl From<U256> for Argument {
    fn from(number: U256) -> Argument {
        Argument::Word(number)
    }
}

impl From<Address> for Argument {
    fn from(address: Address) -> Argument {
        Argument::Word(address.into_word().into())
    }
}

impl From<bool> for Argument {
    fn from(is_so: bool) -> Argument {
        u64::from(is_so).into()
    }
}

impl<const N: usize> From<[u64; N]> for Argument {
    fn from(numbers: [u64; N]) -> Argument {
        Argument::Words(numbers.map(U256::from).to_vec())
    }
}

impl From<&[u8]> for Argument {
    fn from(bytes: &[u8]) -> Argument {
        Argument::Bytes(bytes.to_vec())
    }
}

fn word(number: usize) -> [u8; 32] {
    U256::from(number).to_be_bytes()
}

/// Data that calls the function of the `signature` (ABI specification).
pub fn call_data(signature: &str, arguments: &[Argument]) -> Vec<u8> {
    let (mut heads, mut tails) = (Vec::new(), Vec::new());
    for argument in arguments {
        let offset = word(32 * arguments.len() + tails.len());
        match argument {
            Argument::Word(value) => heads.extend(value.to_be_bytes::<32>()),
            Argument::Words(values) => {
                heads.extend(offset);
                tails.extend(word(values.len()));
                tails.extend(values.iter().flat_map(|value| value.to_be_bytes::<32>()));
            }
            Argument::Bytes(bytes) => {
                heads.extend(offset);
                tails.extend(word(bytes.len()));
                tails.extend(bytes);
                tails.resize(tails.len().next_multiple_of(32), 0);
            }
        }
    }
    [&keccak256(signature)[..4], &heads, &tails].concat()
}
