//! `checksum_address(address)`: an address of Ethereum with its checksum.

use super::parsed::Parsed;
use super::{Answer, Function};

pub(super) const FUNCTION: Function = Function {
    name: "checksum_address",
    doc: "An address of Ethereum in the letters that are its checksum (EIP-55); null of what is none.",
    example: "select checksum_address(address) from ethereum.balances limit 10",
    answer: Answer::Text(|address| match address {
        Parsed::Ethereum(account) => Some(account.to_checksum(None)),
        Parsed::Bitcoin(_) => None,
    }),
};
