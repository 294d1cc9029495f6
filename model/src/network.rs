//! Bitcoin's networks and the constants in which they differ.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BlockHash, Sats};

/// A Bitcoin network. Constants are those of Bitcoin Core's `kernel/chainparams.cpp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The network whose coins have value.
    Mainnet,
    /// The third test network, started in 2011.
    Testnet3,
    /// The fourth test network (BIP 94).
    Testnet4,
    /// The signed test network (BIP 325). Custom signets share its genesis block and addresses.
    Signet,
    /// A private network for regression tests.
    Regtest,
}

/// The name is not one of a network's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown network '{0}': use mainnet, testnet3, testnet4, signet or regtest")]
pub struct NetworkError(String);

impl Network {
    /// Every network.
    pub const ALL: [Network; 5] =
        [Network::Mainnet, Network::Testnet3, Network::Testnet4, Network::Signet, Network::Regtest];

    /// Name in options, messages and stored metadata.
    pub fn name(self) -> &'static str {
        match self {
            Network::Mainnet => "mainnet",
            Network::Testnet3 => "testnet3",
            Network::Testnet4 => "testnet4",
            Network::Signet => "signet",
            Network::Regtest => "regtest",
        }
    }

    /// The four bytes before every message and every block on disk.
    pub fn magic(self) -> [u8; 4] {
        match self {
            Network::Mainnet => [0xf9, 0xbe, 0xb4, 0xd9],
            Network::Testnet3 => [0x0b, 0x11, 0x09, 0x07],
            Network::Testnet4 => [0x1c, 0x16, 0x3f, 0x28],
            Network::Signet => [0x0a, 0x03, 0xcf, 0x40],
            Network::Regtest => [0xfa, 0xbf, 0xb5, 0xda],
        }
    }

    /// The network that `magic` belongs to.
    pub fn from_magic(magic: [u8; 4]) -> Option<Network> {
        Network::ALL.into_iter().find(|network| network.magic() == magic)
    }

    /// Hash of the first block.
    pub fn genesis(self) -> BlockHash {
        let text = match self {
            Network::Mainnet => "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            Network::Testnet3 => "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
            Network::Testnet4 => "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
            Network::Signet => "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
            Network::Regtest => "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
        };
        text.parse().expect("the constants above are hashes")
    }

    /// Prefix of the network's bech32 addresses (BIP 173).
    pub fn bech32_prefix(self) -> &'static str {
        match self {
            Network::Mainnet => "bc",
            Network::Testnet3 | Network::Testnet4 | Network::Signet => "tb",
            Network::Regtest => "bcrt",
        }
    }

    /// Version byte of a base58 public-key-hash address.
    pub fn pubkey_hash_version(self) -> u8 {
        if self == Network::Mainnet { 0 } else { 111 }
    }

    /// Version byte of a base58 script-hash address.
    pub fn script_hash_version(self) -> u8 {
        if self == Network::Mainnet { 5 } else { 196 }
    }

    /// The highest (easiest) target that a header of this network may claim, as its leading
    /// compact form `bits`.
    pub fn pow_limit_bits(self) -> u32 {
        match self {
            Network::Mainnet | Network::Testnet3 | Network::Testnet4 => 0x1d00_ffff,
            Network::Signet => 0x1e03_77ae,
            Network::Regtest => 0x207f_ffff,
        }
    }

    /// Blocks between two halvings of the subsidy.
    pub fn halving_interval(self) -> u64 {
        if self == Network::Regtest { 150 } else { 210_000 }
    }

    /// The new coins that the block at `height` may claim (`GetBlockSubsidy` of Bitcoin Core).
    pub fn subsidy(self, height: u64) -> Sats {
        let halvings = height / self.halving_interval();
        let sats = if halvings < 64 { (50 * Sats::PER_BTC) >> halvings } else { 0 };
        Sats::new(sats).expect("at most 50 BTC")
    }

    /// Whether blocks at `height` must carry the witnesses that they commit to (BIP 141). A regtest
    /// chain may activate it at any height (`-testactivationheight`), so there it is never a must.
    pub fn has_segwit(self, height: u64) -> bool {
        match self {
            Network::Mainnet => height >= 481_824,
            Network::Testnet3 => height >= 834_624,
            Network::Testnet4 | Network::Signet => height >= 1,
            Network::Regtest => false,
        }
    }

    /// True where the coinbase outputs of the block at `height` were overwritten by a later
    /// coinbase with the same txid while still unspent, and are lost (BIP 30; Bitcoin Core's
    /// `IsBIP30Unspendable`). Only these two of mainnet exist.
    pub fn coinbase_is_overwritten(self, height: u64) -> bool {
        self == Network::Mainnet && (height == 91_722 || height == 91_812)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        Network::ALL
            .into_iter()
            .find(|network| network.name() == text)
            .ok_or_else(|| NetworkError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_magics_are_unique_and_read_back() {
        for network in Network::ALL {
            assert_eq!(network.name().parse(), Ok(network));
            assert_eq!(Network::from_magic(network.magic()), Some(network));
        }
        assert!("testnet".parse::<Network>().is_err());
    }

    #[test]
    fn the_subsidy_halves_and_ends() {
        assert_eq!(Network::Mainnet.subsidy(209_999).get(), 5_000_000_000);
        assert_eq!(Network::Mainnet.subsidy(210_000).get(), 2_500_000_000);
        assert_eq!(Network::Regtest.subsidy(150).get(), 2_500_000_000);
        assert_eq!(Network::Mainnet.subsidy(32 * 210_000).get(), 1);
        assert_eq!(Network::Mainnet.subsidy(33 * 210_000), Sats::ZERO);
        assert_eq!(Network::Mainnet.subsidy(u64::MAX), Sats::ZERO);
    }
}
