//! Who has ether at the beginning of a chain, and what its genesis file says about its rules.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use assay_model::ethereum::Network;
use serde::Deserialize;

use super::Fault;
use super::rules::{Rewards, Rules};
use crate::rlp::reader::amount;

/// Mainnet's accounts: for each the address, the length of its balance in bytes, and that balance in
/// wei, most significant byte first. Made from go-ethereum's `core/genesis_alloc.go`; the root of
/// the tree that they make is the one in mainnet's genesis block.
static MAINNET: &[u8] = include_bytes!("mainnet_genesis.bin");

/// The accounts of a genesis block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Each account that has ether, with how much, wei; by address.
    pub allocation: Vec<(Address, i128)>,
    /// Root of the tree of all accounts.
    pub state_root: B256,
}

/// A genesis file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// It is not what clients call a genesis file.
    #[error("this is no genesis file as go-ethereum reads it")]
    Json(#[from] serde_json::Error),
    /// A balance that no column holds.
    #[error("account {address} has {balance} wei, which is more than 38 digits")]
    TooLarge {
        /// The account.
        address: Address,
        /// Its balance.
        balance: U256,
    },
}

/// A genesis file, as go-ethereum reads it (`core/genesis.go`).
#[derive(Deserialize)]
struct GenesisFile {
    config: ConfigFile,
    alloc: BTreeMap<Address, AccountFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigFile {
    chain_id: u64,
    homestead_block: Option<u64>,
    byzantium_block: Option<u64>,
    constantinople_block: Option<u64>,
    petersburg_block: Option<u64>,
    ethash: Option<serde_json::Value>,
    cancun_time: Option<u64>,
    prague_time: Option<u64>,
    osaka_time: Option<u64>,
    bpo1_time: Option<u64>,
    bpo2_time: Option<u64>,
    bpo3_time: Option<u64>,
    bpo4_time: Option<u64>,
    bpo5_time: Option<u64>,
    #[serde(default)]
    blob_schedule: BTreeMap<String, BlobsFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlobsFile {
    base_fee_update_fraction: u64,
}

#[derive(Deserialize)]
struct AccountFile {
    #[serde(default)]
    balance: U256,
    #[serde(default)]
    nonce: U256,
    #[serde(default)]
    code: Bytes,
    #[serde(default)]
    storage: BTreeMap<U256, U256>,
}

impl Genesis {
    /// The accounts of mainnet.
    pub fn mainnet() -> Arc<Genesis> {
        static GENESIS: LazyLock<Arc<Genesis>> = LazyLock::new(|| Arc::new(read_mainnet()));
        Arc::clone(&GENESIS)
    }

    /// Reads the genesis file `json`: the accounts, and the rules of the network.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn read(json: &[u8]) -> Result<(Rules, Genesis), GenesisError> {
        let file: GenesisFile = serde_json::from_slice(json)?;
        let mut allocation = Vec::new();
        for (&address, account) in &file.alloc {
            let balance = account.balance;
            match amount(balance).ok_or(GenesisError::TooLarge { address, balance })? {
                0 => {}
                balance => allocation.push((address, balance)),
            }
        }
        let accounts = file.alloc.iter().map(|(&address, account)| (address, account.in_trie()));
        let state_root = state_root_unhashed(accounts);
        Ok((file.config.rules(), Genesis { allocation, state_root }))
    }

    /// Checks that these are the accounts whose tree has the root `wanted`.
    pub(super) fn check(&self, wanted: B256) -> Result<(), Fault> {
        let found = self.state_root;
        if found == wanted { Ok(()) } else { Err(Fault::Genesis { wanted, found }) }
    }
}

impl AccountFile {
    fn in_trie(&self) -> TrieAccount {
        let slots = self.storage.iter().filter(|(_, value)| !value.is_zero());
        let slots: Vec<_> = slots.map(|(key, value)| (B256::from(*key), *value)).collect();
        TrieAccount {
            nonce: self.nonce.saturating_to(),
            balance: self.balance,
            storage_root: match slots.is_empty() {
                true => EMPTY_ROOT_HASH,
                false => storage_root_unhashed(slots),
            },
            code_hash: match self.code.is_empty() {
                true => KECCAK256_EMPTY,
                false => keccak256(&self.code),
            },
        }
    }
}

impl ConfigFile {
    fn rules(&self) -> Rules {
        let network = Network { chain_id: self.chain_id };
        let known = Rules::of(network);
        let never = u64::MAX;
        let constantinople = self.constantinople_block.or(self.petersburg_block).unwrap_or(never);
        let byzantium = self.byzantium_block.unwrap_or(never);
        // Only proof of work rewards miners; a private chain that says nothing of it has some
        // other way to agree.
        let rewards = self.ethash.as_ref().map(|_| Rewards { byzantium, constantinople });
        let mut blob_schedule = known.blob_schedule.clone();
        let forks = [
            ("cancun", self.cancun_time),
            ("prague", self.prague_time),
            ("osaka", self.osaka_time),
            ("bpo1", self.bpo1_time),
            ("bpo2", self.bpo2_time),
            ("bpo3", self.bpo3_time),
            ("bpo4", self.bpo4_time),
            ("bpo5", self.bpo5_time),
        ];
        let told: Vec<_> = forks
            .into_iter()
            .filter_map(|(fork, time)| {
                Some((time?, self.blob_schedule.get(fork)?.base_fee_update_fraction))
            })
            .collect();
        if !told.is_empty() {
            blob_schedule = told;
        }
        let homestead = self.homestead_block.unwrap_or(never);
        Rules { network, rewards: rewards.or(known.rewards), blob_schedule, homestead }
    }
}

fn read_mainnet() -> Genesis {
    let mut rest = MAINNET;
    let mut allocation = Vec::new();
    while let Some((address, after)) = rest.split_first_chunk::<20>() {
        let (length, after) = after.split_first().expect("a length follows each address");
        let (digits, after) = after.split_at(usize::from(*length));
        let balance = digits.iter().fold(0, |balance, &digit| balance << 8 | i128::from(digit));
        allocation.push((Address::from(address), balance));
        rest = after;
    }
    let accounts = allocation.iter().map(|&(address, balance)| {
        let account = TrieAccount { balance: U256::from(balance), ..TrieAccount::default() };
        (address, account)
    });
    let state_root = state_root_unhashed(accounts);
    Genesis { allocation, state_root }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    #[test]
    fn mainnets_accounts_make_the_root_in_its_genesis_block() {
        let genesis = Genesis::mainnet();
        assert_eq!(genesis.allocation.len(), 8893);
        let sum: i128 = genesis.allocation.iter().map(|(_, balance)| balance).sum();
        assert_eq!(sum, 72_009_990_499_480_000_000_000_000);
        let root = b256!("d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544");
        assert_eq!(genesis.check(root), Ok(()));
        assert!(genesis.check(B256::ZERO).is_err());
    }

    #[test]
    fn a_genesis_file_tells_accounts_and_rules() {
        let json = br#"{
            "config": {
                "chainId": 7, "homesteadBlock": 0, "byzantiumBlock": 5, "ethash": {},
                "cancunTime": 100,
                "blobSchedule": {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 9}}
            },
            "alloc": {
                "0000000000000000000000000000000000000002": {"balance": "0x10"},
                "0x0000000000000000000000000000000000000001": {"balance": "17"},
                "0000000000000000000000000000000000000003": {
                    "balance": "0", "nonce": "0x1", "code": "0x00", "storage": {"0x01": "0x02"}
                }
            }
        }"#;
        let (rules, genesis) = Genesis::read(json).expect("a genesis file");
        assert_eq!(rules.network, Network { chain_id: 7 });
        assert_eq!(rules.rewards, Some(Rewards { byzantium: 5, constantinople: u64::MAX }));
        assert_eq!(rules.blob_schedule, [(100, 9)]);
        let address = |last| Address::with_last_byte(last);
        assert_eq!(genesis.allocation, [(address(1), 17), (address(2), 16)]);
        assert!(matches!(Genesis::read(b"{}"), Err(GenesisError::Json(_))));
    }
}
