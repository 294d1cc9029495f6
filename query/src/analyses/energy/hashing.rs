//! From difficulty to hash rate.

use assay_model::Chain;

/// Hashes that it takes on average to find a block of Bitcoin's difficulty 1: 2^256 over the target
/// 0xffff · 2^208 is 2^32 and 1.5 in a hundred thousand more, which is left out as everywhere
/// (Bitcoin Core: `GetDifficulty`, Cambridge's method).
const HASHES_PER_DIFFICULTY: f64 = 4_294_967_296.0;
/// Hashes of a terahash.
const TERA: f64 = 1e12;
/// The target of Bitcoin's difficulty 1: its exponent and mantissa (BIP 325 and `nBits` of the genesis block).
const ONE_BITS: u32 = 0x1d00_ffff;

/// The hash rate, TH/s, with which blocks whose difficulties add up to `difficulty` take so many seconds.
/// Ethereum's difficulty is itself the number of hashes (yellow paper, 4.3.4).
pub(crate) fn hash_rate_ths(chain: Chain, difficulty: f64, seconds: i64) -> f64 {
    let hashes = match chain {
        Chain::Bitcoin => HASHES_PER_DIFFICULTY,
        Chain::Ethereum => 1.0,
    };
    difficulty * hashes / seconds as f64 / TERA
}

/// Bitcoin's difficulty of the compact target `bits`; `None` if that is none.
pub(crate) fn target_difficulty(bits: u32) -> Option<f64> {
    let parts = |bits: u32| (f64::from(bits & 0x7f_ffff), (bits >> 24) as i32);
    let ((one, one_exponent), (mantissa, exponent)) = (parts(ONE_BITS), parts(bits));
    let is_negative = bits & 0x80_0000 != 0;
    (mantissa > 0.0 && !is_negative && exponent <= one_exponent)
        .then(|| one / mantissa * 256f64.powi(one_exponent - exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difficulty_is_what_explorers_show() {
        assert_eq!(target_difficulty(0x1d00_ffff), Some(1.0));
        // Height 100,800 (bitcoin.it, "Difficulty"), and height 839,999 by getblockheader.
        let difficulty = target_difficulty(0x1b04_04cb).expect("a target");
        assert!((difficulty - 16_307.420_938).abs() < 1e-6, "{difficulty}");
        assert_eq!(target_difficulty(0), None);
        assert_eq!(target_difficulty(0x1d80_ffff), None);
    }

    #[test]
    fn a_day_of_difficulty_one_is_seven_megahashes() {
        let rate = hash_rate_ths(Chain::Bitcoin, 144.0, 86_400);
        assert!((rate - 7.158e-6).abs() < 1e-9, "{rate}");
        assert_eq!(hash_rate_ths(Chain::Ethereum, 86_400e12, 86_400), 1.0);
    }
}
