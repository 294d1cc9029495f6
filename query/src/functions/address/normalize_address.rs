//! `normalize_address(address)`: an address as the tables have it.

use super::parsed::Parsed;
use super::{Answer, Function};

pub(super) const FUNCTION: Function = Function {
    name: "normalize_address",
    doc: "An address in the one form that tables and comparisons have: bech32 and Ethereum in lower case, base58 as it is; null of what is no address.",
    example: "select normalize_address('BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4')",
    answer: Answer::Text(|address| {
        Some(match address {
            Parsed::Ethereum(account) => format!("{account:#x}"),
            Parsed::Bitcoin(address) => address.clone().assume_checked().to_string(),
        })
    }),
};
