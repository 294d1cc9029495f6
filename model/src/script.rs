//! What kind of output script this is.
//!
//! Follows `Solver` of Bitcoin Core (`script/solver.cpp`) case by case, so that the type shown
//! here is the one a node shows, under the names that analysts use.

/// The kind of an output script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScriptType {
    /// A bare public key (Core: `pubkey`).
    P2pk,
    /// The hash of a public key (Core: `pubkeyhash`).
    P2pkh,
    /// The hash of a script (BIP 16; Core: `scripthash`).
    P2sh,
    /// Witness version 0, hash of a public key (BIP 141; Core: `witness_v0_keyhash`).
    P2wpkh,
    /// Witness version 0, hash of a script (BIP 141; Core: `witness_v0_scripthash`).
    P2wsh,
    /// Witness version 1, taproot (BIP 341; Core: `witness_v1_taproot`).
    P2tr,
    /// Pay to anchor, an output that anyone can spend (Core: `anchor`).
    P2a,
    /// A witness program without a meaning yet (Core: `witness_unknown`).
    WitnessUnknown,
    /// Bare multisig (Core: `multisig`).
    Multisig,
    /// `OP_RETURN` followed by data only (Core: `nulldata`).
    OpReturn,
    /// Anything else (Core: `nonstandard`).
    Nonstandard,
}

const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;
const OP_1: u8 = 0x51;
const OP_16: u8 = 0x60;
const OP_RETURN: u8 = 0x6a;
const OP_CHECKSIG: u8 = 0xac;
const OP_CHECKMULTISIG: u8 = 0xae;

/// Most keys of a bare multisig (`MAX_PUBKEYS_PER_MULTISIG`, `script/script.h`).
const MULTISIG_KEYS_MAX: i64 = 20;
/// Longest script that can be executed, in bytes (`MAX_SCRIPT_SIZE`, `script/script.h`).
const SCRIPT_SIZE_MAX: usize = 10_000;

impl ScriptType {
    /// Every kind.
    pub const ALL: [ScriptType; 11] = [
        ScriptType::P2pk,
        ScriptType::P2pkh,
        ScriptType::P2sh,
        ScriptType::P2wpkh,
        ScriptType::P2wsh,
        ScriptType::P2tr,
        ScriptType::P2a,
        ScriptType::WitnessUnknown,
        ScriptType::Multisig,
        ScriptType::OpReturn,
        ScriptType::Nonstandard,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            ScriptType::P2pk => "p2pk",
            ScriptType::P2pkh => "p2pkh",
            ScriptType::P2sh => "p2sh",
            ScriptType::P2wpkh => "p2wpkh",
            ScriptType::P2wsh => "p2wsh",
            ScriptType::P2tr => "p2tr",
            ScriptType::P2a => "p2a",
            ScriptType::WitnessUnknown => "witness_unknown",
            ScriptType::Multisig => "multisig",
            ScriptType::OpReturn => "op_return",
            ScriptType::Nonstandard => "nonstandard",
        }
    }

    /// The kind of `script`.
    pub fn of(script: &[u8]) -> ScriptType {
        match script {
            [0xa9, 20, hash @ .., 0x87] if hash.len() == 20 => return ScriptType::P2sh,
            [0x76, 0xa9, 20, hash @ .., 0x88, OP_CHECKSIG] if hash.len() == 20 => {
                return ScriptType::P2pkh;
            }
            _ => {}
        }
        if let Some((version, program)) = witness_program(script) {
            return match (version, program.len()) {
                (0, 20) => ScriptType::P2wpkh,
                (0, 32) => ScriptType::P2wsh,
                (0, _) => ScriptType::Nonstandard,
                (1, 32) => ScriptType::P2tr,
                (1, 2) if program == [0x4e, 0x73] => ScriptType::P2a,
                _ => ScriptType::WitnessUnknown,
            };
        }
        if let [OP_RETURN, data @ ..] = script
            && is_push_only(data)
        {
            ScriptType::OpReturn
        } else if p2pk_key(script).is_some() {
            ScriptType::P2pk
        } else if is_multisig(script) {
            ScriptType::Multisig
        } else {
            ScriptType::Nonstandard
        }
    }
}

/// The public key of a pay-to-public-key script; `None` for other scripts.
///
/// Like Core it looks at the key's length and first byte only: the key may be off the curve.
pub fn p2pk_key(script: &[u8]) -> Option<&[u8]> {
    match script {
        [33, key @ .., OP_CHECKSIG] if key.len() == 33 => Some(key),
        [65, key @ .., OP_CHECKSIG] if key.len() == 65 => Some(key),
        _ => None,
    }
    .filter(|key| is_public_key_shaped(key))
}

/// Version and program of a witness output (BIP 141); `None` for other scripts.
pub fn witness_program(script: &[u8]) -> Option<(u8, &[u8])> {
    let [version, length, program @ ..] = script else { return None };
    let version = match *version {
        0 => 0,
        OP_1..=OP_16 => version - OP_1 + 1,
        _ => return None,
    };
    let fits = (2..=40).contains(length) && program.len() == usize::from(*length);
    fits.then_some((version, program))
}

/// True for outputs that no input can ever spend, which nodes do not keep (`IsUnspendable`,
/// `script/script.h`).
pub fn is_unspendable(script: &[u8]) -> bool {
    script.first() == Some(&OP_RETURN) || script.len() > SCRIPT_SIZE_MAX
}

fn is_public_key_shaped(key: &[u8]) -> bool {
    match key {
        [2 | 3, ..] => key.len() == 33,
        [4 | 6 | 7, ..] => key.len() == 65,
        _ => false,
    }
}

/// One opcode with the data that it pushes.
struct Op<'a> {
    code: u8,
    data: &'a [u8],
}

/// Takes the first opcode off `script`; `None` at the end and where pushed data is cut short.
fn next_op<'a>(script: &mut &'a [u8]) -> Option<Op<'a>> {
    let (&code, mut rest) = script.split_first()?;
    let length = match code {
        0..OP_PUSHDATA1 => usize::from(code),
        OP_PUSHDATA1 => take_length(&mut rest, 1)?,
        OP_PUSHDATA2 => take_length(&mut rest, 2)?,
        OP_PUSHDATA4 => take_length(&mut rest, 4)?,
        _ => 0,
    };
    let (data, rest) = rest.split_at_checked(length)?;
    *script = rest;
    Some(Op { code, data })
}

fn take_length(script: &mut &[u8], bytes: usize) -> Option<usize> {
    let (length, rest) = script.split_at_checked(bytes)?;
    *script = rest;
    Some(length.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
}

fn is_push_only(mut script: &[u8]) -> bool {
    while !script.is_empty() {
        match next_op(&mut script) {
            Some(op) if op.code <= OP_16 => {}
            _ => return false,
        }
    }
    true
}

/// `m <key>… n OP_CHECKMULTISIG` with 1 ≤ m ≤ n ≤ 20 and n keys (`MatchMultisig`).
fn is_multisig(mut script: &[u8]) -> bool {
    if script.last() != Some(&OP_CHECKMULTISIG) {
        return false;
    }
    let Some(required) = next_op(&mut script).and_then(|op| small_number(&op)) else {
        return false;
    };
    let mut keys = 0;
    loop {
        let Some(op) = next_op(&mut script) else { return false };
        if is_public_key_shaped(op.data) {
            keys += 1;
            continue;
        }
        return (1..=MULTISIG_KEYS_MAX).contains(&required)
            && (required..=MULTISIG_KEYS_MAX).contains(&keys)
            && small_number(&op) == Some(keys)
            && script == [OP_CHECKMULTISIG];
    }
}

/// A number pushed in its only minimal form, of at most 20 (`GetScriptNumber`).
fn small_number(op: &Op<'_>) -> Option<i64> {
    match (op.code, op.data) {
        (OP_1..=OP_16, _) => Some(i64::from(op.code - OP_1 + 1)),
        // Minimal pushes: 1 to 16 have opcodes of their own, and larger numbers push directly.
        (1, &[number @ 17..=20]) => Some(i64::from(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn type_of(script: &str) -> &'static str {
        ScriptType::of(&hex::decode(script).expect("hex")).name()
    }

    #[test]
    fn every_kind_is_told_apart() {
        let key33 = format!("02{}", "11".repeat(32));
        let key65 = format!("04{}", "11".repeat(64));
        let cases = [
            (format!("21{key33}ac"), "p2pk"),
            (format!("41{key65}ac"), "p2pk"),
            (format!("2105{}ac", "11".repeat(32)), "nonstandard"),
            (format!("76a914{}88ac", "22".repeat(20)), "p2pkh"),
            (format!("a914{}87", "22".repeat(20)), "p2sh"),
            (format!("0014{}", "22".repeat(20)), "p2wpkh"),
            (format!("0020{}", "22".repeat(32)), "p2wsh"),
            (format!("0021{}", "22".repeat(33)), "nonstandard"),
            (format!("5120{}", "22".repeat(32)), "p2tr"),
            ("51024e73".into(), "p2a"),
            ("51024e74".into(), "witness_unknown"),
            (format!("5220{}", "22".repeat(32)), "witness_unknown"),
            (format!("6028{}", "22".repeat(40)), "witness_unknown"),
            (format!("6029{}", "22".repeat(41)), "nonstandard"),
            ("6a".into(), "op_return"),
            ("6a0401020304".into(), "op_return"),
            ("6a0501020304".into(), "nonstandard"), // the push is cut short
            ("6aac".into(), "nonstandard"),         // not data only
            (format!("5121{key33}51ae"), "multisig"),
            (format!("5141{key65}21{key33}52ae"), "multisig"),
            (format!("5221{key33}51ae"), "nonstandard"), // two of one
            (format!("5121{key33}52ae"), "nonstandard"), // one key, said to be two
            (format!("51{}0111ae", format!("21{key33}").repeat(17)), "multisig"),
            (format!("51{}0110ae", format!("21{key33}").repeat(16)), "nonstandard"),
            (format!("51{}0115ae", format!("21{key33}").repeat(21)), "nonstandard"),
            ("".into(), "nonstandard"),
            ("00".into(), "nonstandard"),
            ("4e".into(), "nonstandard"),
        ];
        for (script, expected) in cases {
            assert_eq!(type_of(&script), expected, "{script}");
        }
    }

    #[test]
    fn only_op_return_and_oversized_scripts_are_unspendable() {
        assert!(is_unspendable(&[OP_RETURN, OP_CHECKSIG]));
        assert!(is_unspendable(&[0; 10_001]));
        assert!(!is_unspendable(&[0; 10_000]));
        assert!(!is_unspendable(&[]));
    }
}
