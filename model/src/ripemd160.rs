//! RIPEMD-160 of SHA-256 hashes, which together are Bitcoin's hash of keys and scripts: of many at
//! once, one in each lane of the processor's vectors.
//!
//! # Invariants
//!
//! * [`of_hashes`] gives what the `ripemd` crate does for every hash, on every processor.

use ripemd::{Digest, Ripemd160};

use crate::sha256::Hash;

/// A hash of 20 bytes.
pub type Hash160 = [u8; 20];

/// RIPEMD-160 of each of `hashes`.
pub fn of_hashes(hashes: &[Hash]) -> Vec<Hash160> {
    let mut results = vec![[0; 20]; hashes.len()];
    hash_into(hashes, &mut results);
    results
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the features that the functions need were just found")]
fn hash_into(hashes: &[Hash], results: &mut [Hash160]) {
    if cfg!(debug_assertions) {
        hash_singly(hashes, results); // lanes that are not optimised are slow
    } else if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        // SAFETY: the processor has the features.
        unsafe { hash_avx512(hashes, results) }
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the feature.
        unsafe { hash_avx2(hashes, results) }
    } else {
        hash_lanes::<4>(hashes, results);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn hash_into(hashes: &[Hash], results: &mut [Hash160]) {
    hash_singly(hashes, results);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl")]
fn hash_avx512(hashes: &[Hash], results: &mut [Hash160]) {
    hash_lanes::<16>(hashes, results);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn hash_avx2(hashes: &[Hash], results: &mut [Hash160]) {
    hash_lanes::<8>(hashes, results);
}

fn hash_singly(hashes: &[Hash], results: &mut [Hash160]) {
    for (hash, result) in hashes.iter().zip(results) {
        *result = Ripemd160::digest(hash).into();
    }
}

#[inline(always)]
fn hash_lanes<const N: usize>(hashes: &[Hash], results: &mut [Hash160]) {
    for (hashes, results) in hashes.chunks(N).zip(results.chunks_mut(N)) {
        // All lanes take the time of about two.
        if hashes.len() < 2 {
            hash_singly(hashes, results);
        } else {
            hash_group::<N>(hashes, results);
        }
    }
}

#[inline(always)]
fn hash_group<const N: usize>(hashes: &[Hash], results: &mut [Hash160]) {
    let mut words = [[0; N]; 16];
    for (lane, hash) in hashes.iter().enumerate() {
        for (word, bytes) in words.iter_mut().zip(hash.as_chunks().0) {
            word[lane] = u32::from_le_bytes(*bytes);
        }
    }
    // A one, zeros, and the length in bits: a message of 32 bytes fits into one chunk.
    words[8] = [0x80; N];
    words[14] = [256; N];
    let state = compress(&words);
    for (lane, result) in results.iter_mut().enumerate() {
        for (bytes, word) in result.as_chunks_mut().0.iter_mut().zip(&state) {
            *bytes = word[lane].to_le_bytes();
        }
    }
}

/// Initial state (Dobbertin, Bosselaers and Preneel, "RIPEMD-160: A Strengthened Version of
/// RIPEMD", 1996, appendix A, as are the tables below).
const INITIAL: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// What sixteen steps of one of the two lines have of their own.
struct Round {
    constant: u32,
    /// Which word of the message each step adds.
    order: [usize; 16],
    /// By how many bits each step rotates.
    shift: [u32; 16],
}

/// The left line.
const LEFT: [Round; 5] = [
    Round {
        constant: 0,
        order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        shift: [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
    },
    Round {
        constant: 0x5a82_7999,
        order: [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8],
        shift: [7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12],
    },
    Round {
        constant: 0x6ed9_eba1,
        order: [3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12],
        shift: [11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5],
    },
    Round {
        constant: 0x8f1b_bcdc,
        order: [1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2],
        shift: [11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12],
    },
    Round {
        constant: 0xa953_fd4e,
        order: [4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13],
        shift: [9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6],
    },
];

/// The right line.
const RIGHT: [Round; 5] = [
    Round {
        constant: 0x50a2_8be6,
        order: [5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12],
        shift: [8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6],
    },
    Round {
        constant: 0x5c4d_d124,
        order: [6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2],
        shift: [9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11],
    },
    Round {
        constant: 0x6d70_3ef3,
        order: [15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13],
        shift: [9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5],
    },
    Round {
        constant: 0x7a6d_76e9,
        order: [8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14],
        shift: [15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8],
    },
    Round {
        constant: 0,
        order: [12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11],
        shift: [8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11],
    },
];

/// The state after one chunk, `words`, in every lane.
#[inline(always)]
fn compress<const N: usize>(words: &[[u32; N]; 16]) -> [[u32; N]; 5] {
    let initial = INITIAL.map(|word| [word; N]);
    let (mut left, mut right) = (initial, initial);
    sixteen_steps(&mut left, words, &LEFT[0], |x, y, z| x ^ y ^ z);
    sixteen_steps(&mut left, words, &LEFT[1], |x, y, z| (x & y) | (!x & z));
    sixteen_steps(&mut left, words, &LEFT[2], |x, y, z| (x | !y) ^ z);
    sixteen_steps(&mut left, words, &LEFT[3], |x, y, z| (x & z) | (y & !z));
    sixteen_steps(&mut left, words, &LEFT[4], |x, y, z| x ^ (y | !z));
    sixteen_steps(&mut right, words, &RIGHT[0], |x, y, z| x ^ (y | !z));
    sixteen_steps(&mut right, words, &RIGHT[1], |x, y, z| (x & z) | (y & !z));
    sixteen_steps(&mut right, words, &RIGHT[2], |x, y, z| (x | !y) ^ z);
    sixteen_steps(&mut right, words, &RIGHT[3], |x, y, z| (x & y) | (!x & z));
    sixteen_steps(&mut right, words, &RIGHT[4], |x, y, z| x ^ y ^ z);
    std::array::from_fn(|word| {
        let (a, b, c) = (&initial[(word + 1) % 5], &left[(word + 2) % 5], &right[(word + 3) % 5]);
        std::array::from_fn(|lane| a[lane].wrapping_add(b[lane]).wrapping_add(c[lane]))
    })
}

#[inline(always)]
fn sixteen_steps<const N: usize>(
    state: &mut [[u32; N]; 5],
    words: &[[u32; N]; 16],
    round: &Round,
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (&word, &shift) in round.order.iter().zip(&round.shift) {
        let word = &words[word];
        let mut next = [0; N];
        for lane in 0..N {
            let sum = a[lane]
                .wrapping_add(mix(b[lane], c[lane], d[lane]))
                .wrapping_add(word[lane])
                .wrapping_add(round.constant);
            next[lane] = sum.rotate_left(shift).wrapping_add(e[lane]);
        }
        (a, b, c, d, e) = (e, next, b, c.map(|word| word.rotate_left(10)), d);
    }
    *state = [a, b, c, d, e];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_width_agrees_with_hashing_one_by_one(
            hashes in prop::collection::vec(prop::array::uniform32(any::<u8>()), 0..70),
        ) {
            let expected: Vec<Hash160> =
                hashes.iter().map(|hash| Ripemd160::digest(hash).into()).collect();
            for hash_into in [hash_lanes::<4>, hash_lanes::<8>, hash_lanes::<16>, hash_singly] {
                let mut results = vec![[0; 20]; hashes.len()];
                hash_into(&hashes, &mut results);
                prop_assert_eq!(&results, &expected);
            }
            prop_assert_eq!(of_hashes(&hashes), expected);
        }
    }
}
