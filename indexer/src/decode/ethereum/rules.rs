//! What networks do differently: rewards, and the price of blobs.

use alloy_primitives::U256;
use assay_model::ethereum::Network;

use crate::rlp::reader::amount;

/// One ether in wei.
const ETHER: i128 = 10i128.pow(18);
/// `MIN_BASE_FEE_PER_BLOB_GAS` of EIP-4844.
const MIN_BLOB_GAS_PRICE: u64 = 1;

/// The rules of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The network.
    pub network: Network,
    /// Rewards while the network has proof of work; `None` if it never had, or nothing is known.
    pub rewards: Option<Rewards>,
    /// Since when (Unix seconds) the price of blob gas reacts how slowly: the
    /// `baseFeeUpdateFraction` of each fork, oldest first. Empty if nothing is known.
    pub blob_schedule: Vec<(u64, u64)>,
    /// First height at which creating a contract costs 32,000 gas more (EIP-2).
    pub homestead: u64,
}

/// Static block rewards: 5 ether, from `byzantium` on 3 (EIP-649), from `constantinople` on 2
/// (EIP-1234).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewards {
    /// First height of Byzantium.
    pub byzantium: u64,
    /// First height of Constantinople.
    pub constantinople: u64,
}

impl Rewards {
    /// Reward of a block without uncles, wei.
    pub fn of_block(self, height: u64) -> i128 {
        match height {
            _ if height >= self.constantinople => 2 * ETHER,
            _ if height >= self.byzantium => 3 * ETHER,
            _ => 5 * ETHER,
        }
    }
}

/// What the miner gets for including an uncle, wei (Yellow Paper, 11.3).
pub(super) fn inclusion_reward(block_reward: i128) -> i128 {
    block_reward / 32
}

/// What the miner of an uncle gets, wei (Yellow Paper, 11.3); `None` for an uncle of a height that
/// no valid block includes.
pub(super) fn uncle_reward(block_reward: i128, height: u64, uncle_height: u64) -> Option<i128> {
    let depth = height.checked_sub(uncle_height).filter(|depth| (1..=7).contains(depth))?;
    Some(block_reward * i128::from(8 - depth) / 8)
}

impl Rules {
    /// The rules of `network`, as far as they are known without its genesis file. Sources:
    /// go-ethereum's `params/config.go`, the crate `alloy-hardforks`, EIP-7892.
    pub fn of(network: Network) -> Rules {
        let rewards = |byzantium, constantinople| Some(Rewards { byzantium, constantinople });
        let (rewards, times, homestead) = match network {
            Network::MAINNET => (
                rewards(4_370_000, 7_280_000),
                vec![1_710_338_135, 1_746_612_311, 1_765_290_071, 1_767_747_671],
                1_150_000,
            ),
            Network::SEPOLIA => {
                (rewards(0, 0), vec![1_706_655_072, 1_741_159_776, 1_761_017_184, 1_761_607_008], 0)
            }
            Network::HOLESKY => {
                (None, vec![1_707_305_664, 1_740_434_112, 1_759_800_000, 1_760_389_824], 0)
            }
            Network::HOODI => (None, vec![0, 1_742_999_832, 1_762_365_720, 1_762_955_544], 0),
            _ => (None, vec![], 0),
        };
        // Cancun, Prague, and the two blob parameter forks.
        let fractions = [3_338_477, 5_007_716, 8_346_193, 11_684_671];
        let blob_schedule = times.into_iter().zip(fractions).collect();
        Rules { network, rewards, blob_schedule, homestead }
    }

    /// What blob gas costs in a block of Unix time `time` with `excess_blob_gas`, wei (EIP-4844);
    /// `None` where the rules are not known.
    pub fn blob_gas_price(&self, time: u64, excess_blob_gas: u64) -> Option<i128> {
        let (_, fraction) = self.blob_schedule.iter().rev().find(|(since, _)| *since <= time)?;
        fake_exponential(MIN_BLOB_GAS_PRICE, excess_blob_gas, *fraction)
    }
}

/// `fake_exponential` of EIP-4844: factor · e^(numerator / denominator) in whole numbers; `None` if
/// it is beyond all ether.
fn fake_exponential(factor: u64, numerator: u64, denominator: u64) -> Option<i128> {
    let (numerator, denominator) = (U256::from(numerator), U256::from(denominator));
    let mut sum = U256::ZERO;
    let mut term = U256::from(factor).checked_mul(denominator)?;
    let mut place = U256::from(1);
    while !term.is_zero() {
        sum = sum.checked_add(term)?;
        term = term.checked_mul(numerator)? / denominator.checked_mul(place)?;
        place += U256::from(1);
    }
    amount(sum / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_go_ethereums_tests() {
        // consensus/misc/eip4844, TestFakeExponential.
        for (factor, numerator, denominator, expected) in [
            (1, 0, 1, 1),
            (38_493, 0, 1000, 38_493),
            (0, 1234, 2345, 0),
            (1, 2, 1, 6),
            (1, 4, 2, 6),
            (1, 3, 1, 16),
            (1, 6, 2, 18),
            (1, 4, 1, 49),
            (1, 8, 2, 50),
            (10, 8, 2, 542),
            (11, 8, 2, 596),
            (1, 5, 1, 136),
            (1, 5, 2, 11),
            (2, 5, 2, 23),
            (1, 50_000_000, 2_225_652, 5_709_098_764),
            (1, 380_928, 3_338_477, 1),
        ] {
            assert_eq!(fake_exponential(factor, numerator, denominator), Some(expected));
        }
        assert_eq!(fake_exponential(1, u64::MAX, 1), None);
    }

    #[test]
    fn an_uncle_gets_less_the_later_it_is_included() {
        let rewards = Rules::of(Network::MAINNET).rewards.expect("mainnet had proof of work");
        assert_eq!(rewards.of_block(4_369_999), 5 * ETHER);
        assert_eq!(rewards.of_block(4_370_000), 3 * ETHER);
        assert_eq!(rewards.of_block(7_280_000), 2 * ETHER);
        assert_eq!(uncle_reward(8 * ETHER, 100, 99), Some(7 * ETHER));
        assert_eq!(uncle_reward(8 * ETHER, 100, 94), Some(2 * ETHER));
        assert_eq!(uncle_reward(8 * ETHER, 100, 100), None);
        assert_eq!(uncle_reward(8 * ETHER, 100, 101), None);
        assert_eq!(inclusion_reward(5 * ETHER), 156_250_000_000_000_000);
    }
}
