//! `script_address(script [, network])`: the address that an output script pays to.

use arrow::array::Array;
use assay_model::ScriptType;
use assay_model::address::AddressBuilder;

use super::Function;

pub(super) const FUNCTION: Function = Function {
    name: "script_address",
    syntax: "script_address(script [, network])",
    doc: "The address that an output script pays to, as in the column address: that of its key's hash for p2pk; null where there is none.",
    example: "select script_address(script) from bitcoin.outputs where height = 9",
    takes_network: true,
    answer: |script, network| {
        let mut addresses = AddressBuilder::new(network, 1);
        addresses.push(ScriptType::of(script), script);
        let addresses = addresses.finish();
        addresses.is_valid(0).then(|| addresses.value(0).to_owned())
    },
};
