//! `script_asm(script)`: the operations of a script.

use bitcoin::Script;

use super::Function;

pub(super) const FUNCTION: Function = Function {
    name: "script_asm",
    syntax: "script_asm(script)",
    doc: "The operations of a script in words; where it breaks off within one, it says so.",
    example: "select script_asm(script) from bitcoin.outputs where height = 170",
    takes_network: false,
    answer: |script, _| Some(Script::from_bytes(script).to_asm_string()),
};
