//! `address_network(address)`: of which network an address is.

use bitcoin::Network;

use super::parsed::Parsed;
use super::{Answer, Function};

pub(super) const FUNCTION: Function = Function {
    name: "address_network",
    doc: "The network that an address is of: bitcoin, bitcoin testnet (all test networks share its form), bitcoin regtest (base58 of it looks like testnet's), or ethereum; null of what is no address.",
    example: "select address_network('bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x')",
    answer: Answer::Text(|address| {
        let network = match address {
            Parsed::Ethereum(_) => "ethereum",
            Parsed::Bitcoin(address) => {
                let may_be = |network| Parsed::may_be_of(address, network);
                match (may_be(Network::Bitcoin), may_be(Network::Testnet)) {
                    (true, _) => "bitcoin",
                    (_, true) => "bitcoin testnet",
                    _ => "bitcoin regtest",
                }
            }
        };
        Some(network.to_owned())
    }),
};
