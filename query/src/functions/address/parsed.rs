//! Reads addresses.

use std::str::FromStr;

use alloy_primitives::Address as Account;
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network, ScriptBuf};

/// Digits of an address of Ethereum.
const ACCOUNT_DIGITS: usize = 40;

/// An address that is one.
#[derive(Debug)]
pub(super) enum Parsed {
    Bitcoin(Address<NetworkUnchecked>),
    Ethereum(Account),
}

impl Parsed {
    /// The address that `text` is; `None` if it is none, or its checksum is wrong.
    ///
    /// Of Bitcoin: base58 with a checksum, bech32 (BIP 173) and bech32m (BIP 350). Of Ethereum: `0x` and 40
    /// digits; letters of both cases have to be as EIP-55 has them.
    pub(super) fn of(text: &str) -> Option<Parsed> {
        let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
            return Address::from_str(text).ok().map(Parsed::Bitcoin);
        };
        if digits.len() != ACCOUNT_DIGITS {
            return None;
        }
        let account = Account::from_str(digits).ok()?;
        let has = |is: fn(&u8) -> bool| digits.as_bytes().iter().any(is);
        let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let is_right = !is_mixed || account.to_checksum(None)[2..] == *digits;
        is_right.then_some(Parsed::Ethereum(account))
    }

    /// The networks of Bitcoin that it may be of.
    pub(super) fn may_be_of(address: &Address<NetworkUnchecked>, network: Network) -> bool {
        address.is_valid_for_network(network)
    }

    /// The output script that pays to an address of Bitcoin.
    pub(super) fn script(address: &Address<NetworkUnchecked>) -> ScriptBuf {
        address.clone().assume_checked().script_pubkey()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From BIP 173, BIP 350, EIP-55, and the first payment of all.
    #[test]
    fn what_the_standards_call_an_address_is_one_and_nothing_else() {
        for address in [
            "12cbQLTFMXRnSzktFkuoG3eHoMeFtpTu3S",
            "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
            "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        ] {
            assert!(Parsed::of(address).is_some(), "{address}");
        }
        for text in [
            "",
            "12cbQLTFMXRnSzktFkuoG3eHoMeFtpTu3T",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            // Bech32m's checksum on version 0, and bech32's on version 1.
            "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
            "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
            "0xzaaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x€aeb6053f3e94c9b9a09f33669435e7ef1beaed",
        ] {
            assert!(Parsed::of(text).is_none(), "{text}");
        }
    }
}
