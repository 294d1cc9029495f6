//! Ethereum's networks.

use std::fmt;
use std::str::FromStr;

/// An Ethereum network: whoever signs for a chain id means that chain (EIP-155).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    /// The chain id.
    pub chain_id: u64,
}

/// The text names no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown network '{0}': use mainnet, sepolia, holesky, hoodi, or a chain id")]
pub struct UnknownNetwork(String);

/// Networks that have names. Source: the chain lists of go-ethereum (`params/config.go`).
const NAMES: [(u64, &str); 4] =
    [(1, "mainnet"), (11_155_111, "sepolia"), (17_000, "holesky"), (560_048, "hoodi")];

/// The block of Ethereum's main network before whose transactions the ether of The DAO was moved to a
/// contract that refunds it (EIP-779).
pub const DAO_FORK_HEIGHT: u64 = 1_920_000;

impl Network {
    /// The network whose ether has value.
    pub const MAINNET: Network = Network { chain_id: 1 };
    /// The test network for applications.
    pub const SEPOLIA: Network = Network { chain_id: 11_155_111 };
    /// A test network for validators, closed in 2025.
    pub const HOLESKY: Network = Network { chain_id: 17_000 };
    /// The test network for validators since 2025.
    pub const HOODI: Network = Network { chain_id: 560_048 };
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(chain_id, _)| *chain_id == self.chain_id) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{}", self.chain_id),
        }
    }
}

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Network, UnknownNetwork> {
        let named = NAMES.iter().find(|(_, name)| *name == text).map(|(chain_id, _)| *chain_id);
        let chain_id = named.or_else(|| text.parse().ok().filter(|&chain_id| chain_id > 0));
        chain_id.map(|chain_id| Network { chain_id }).ok_or_else(|| UnknownNetwork(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_networks_text_is_read_back() {
        for (network, text) in [
            (Network::MAINNET, "mainnet"),
            (Network::SEPOLIA, "sepolia"),
            (Network::HOLESKY, "holesky"),
            (Network::HOODI, "hoodi"),
            (Network { chain_id: 31_337 }, "31337"),
        ] {
            assert_eq!(network.to_string(), text);
            assert_eq!(text.parse(), Ok(network));
        }
        assert_eq!("1".parse(), Ok(Network::MAINNET));
        assert!("0".parse::<Network>().is_err() && "main".parse::<Network>().is_err());
    }
}
