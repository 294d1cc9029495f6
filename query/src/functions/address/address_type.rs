//! `address_type(address)`: what kind of script an address stands for.

use assay_model::ScriptType;

use super::parsed::Parsed;
use super::{Answer, Function};

pub(super) const FUNCTION: Function = Function {
    name: "address_type",
    doc: "The type of the script that an address of Bitcoin stands for, as in the column script_type (p2pkh, p2sh, p2wpkh, p2wsh, p2tr and so on), or account for one of Ethereum, whether there is a contract or not; null of what is no address.",
    example: "select address_type(address), count(*) from bitcoin.balances group by 1",
    answer: Answer::Text(|address| {
        let kind = match address {
            Parsed::Ethereum(_) => "account",
            Parsed::Bitcoin(address) => ScriptType::of(Parsed::script(address).as_bytes()).name(),
        };
        Some(kind.to_owned())
    }),
};
