//! `script_type(script)`: the type of an output script.

use assay_model::ScriptType;

use super::Function;

pub(super) const FUNCTION: Function = Function {
    name: "script_type",
    syntax: "script_type(script)",
    doc: "The type of an output script, as in the column of this name: p2pk, p2pkh, p2sh, p2wpkh, p2wsh, p2tr and so on.",
    example: "select script_type(unhex('6a0568656c6c6f'))",
    takes_network: false,
    answer: |script, _| Some(ScriptType::of(script).name().to_owned()),
};
