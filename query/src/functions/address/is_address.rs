//! `is_address(address)`: whether text is an address.

use super::{Answer, Function};

pub(super) const FUNCTION: Function = Function {
    name: "is_address",
    doc: "Whether text is an address of Bitcoin (base58, bech32 or bech32m) or Ethereum with the right checksum; one of Ethereum in one case has none, and is taken as it is.",
    example: "select is_address('12cbQLTFMXRnSzktFkuoG3eHoMeFtpTu3S')",
    answer: Answer::Is(|address| address.is_some()),
};
