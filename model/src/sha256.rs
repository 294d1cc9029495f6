//! SHA-256, once or twice, of one message or of many at once: one in each lane of the processor's
//! vectors.
//!
//! Hashing is most of what reading a block costs. Where a processor has wide vectors, sixteen or
//! eight messages are hashed in the time of about two; the SHA instructions that others have hash
//! one message at a time about as fast. Lanes are plain arrays, which the compiler turns into the
//! vectors of whatever it compiles for.
//!
//! # Invariants
//!
//! * [`Messages`] gives what hashing one by one does for every message, on every processor.

use sha2::{Digest, Sha256};

/// A hash as it is computed, in Bitcoin's wire order: the reverse of how people write it.
pub type Hash = [u8; 32];

/// SHA-256 of the SHA-256 of `pieces`, one after the other.
#[inline]
pub fn sha256d(pieces: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    Sha256::digest(hasher.finalize()).into()
}

/// Bytes that SHA-256 takes at a time.
const CHUNK_BYTES: usize = 64;
/// Round constants (FIPS 180-4, 4.2.2).
#[rustfmt::skip]
const ROUND: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];
/// Initial state (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/// Messages to be hashed, padded and one after the other.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    padded: Vec<u8>,
    places: Vec<Place>,
}

/// How many times a message is hashed: the second time it is its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    One,
    Two,
}

/// A message in `padded`.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    /// Length with padding, in chunks.
    chunks: usize,
    /// Length without padding, bytes.
    length: usize,
}

impl Messages {
    /// No messages yet, with room for `count` that have `bytes` together.
    pub fn with_capacity(count: usize, bytes: usize) -> Messages {
        let padding = count * (CHUNK_BYTES + 8);
        Messages { padded: Vec::with_capacity(bytes + padding), places: Vec::with_capacity(count) }
    }

    /// Adds the message that consists of `pieces`.
    pub fn push(&mut self, pieces: &[&[u8]]) {
        let start = self.padded.len();
        for piece in pieces {
            self.padded.extend_from_slice(piece);
        }
        let length = self.padded.len() - start;
        // A one, zeros, and the length in bits (FIPS 180-4, 5.1.1).
        let chunks = (length + 1 + 8).div_ceil(CHUNK_BYTES);
        self.padded.push(0x80);
        self.padded.resize(start + chunks * CHUNK_BYTES - 8, 0);
        self.padded.extend_from_slice(&(length as u64 * 8).to_be_bytes());
        self.places.push(Place { start, chunks, length });
    }

    /// The double SHA-256 of every message, in the order in which they were pushed. There are no
    /// messages afterwards.
    pub fn sha256d(&mut self) -> Vec<Hash> {
        self.hash(Times::Two)
    }

    /// The SHA-256 of every message, in the order in which they were pushed. There are no messages
    /// afterwards.
    pub fn sha256(&mut self) -> Vec<Hash> {
        self.hash(Times::One)
    }

    fn hash(&mut self, times: Times) -> Vec<Hash> {
        let mut hashes = vec![[0; 32]; self.places.len()];
        self.hash_into(times, &mut hashes);
        self.padded.clear();
        self.places.clear();
        hashes
    }

    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "the features that the functions need were just found")]
    fn hash_into(&self, times: Times, hashes: &mut [Hash]) {
        if cfg!(debug_assertions) {
            self.hash_singly(times, hashes); // lanes that are not optimised are slow
        } else if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the processor has the features.
            unsafe { self.hash_avx512(times, hashes) }
        } else if is_x86_feature_detected!("sha") {
            self.hash_singly(times, hashes);
        } else if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the feature.
            unsafe { self.hash_avx2(times, hashes) }
        } else {
            self.hash_lanes::<4>(times, hashes);
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn hash_into(&self, times: Times, hashes: &mut [Hash]) {
        // The library finds the SHA instructions that most such processors have.
        self.hash_singly(times, hashes);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vl")]
    fn hash_avx512(&self, times: Times, hashes: &mut [Hash]) {
        self.hash_lanes::<16>(times, hashes);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn hash_avx2(&self, times: Times, hashes: &mut [Hash]) {
        self.hash_lanes::<8>(times, hashes);
    }

    fn hash_singly(&self, times: Times, hashes: &mut [Hash]) {
        for (place, hash) in self.places.iter().zip(hashes) {
            *hash = self.hash_one(times, *place);
        }
    }

    fn hash_one(&self, times: Times, place: Place) -> Hash {
        let message = &self.padded[place.start..][..place.length];
        match times {
            Times::One => Sha256::digest(message).into(),
            Times::Two => sha256d(&[message]),
        }
    }

    /// Hashes messages of about the same length together, the longest first.
    #[inline(always)]
    fn hash_lanes<const N: usize>(&self, times: Times, hashes: &mut [Hash]) {
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_unstable_by_key(|&at| std::cmp::Reverse(self.places[at].chunks));
        let mut rest = &order[..];
        while let Some(&longest) = rest.first() {
            let group = &rest[..rest.len().min(N)];
            let chunks: usize = group.iter().map(|&at| self.places[at].chunks).sum();
            // Lanes that wait for one long message cost more than they save.
            if chunks < 2 * self.places[longest].chunks {
                hashes[longest] = self.hash_one(times, self.places[longest]);
                rest = &rest[1..];
            } else {
                self.hash_group::<N>(times, group, hashes);
                rest = &rest[group.len()..];
            }
        }
    }

    #[inline(always)]
    fn hash_group<const N: usize>(&self, times: Times, group: &[usize], hashes: &mut [Hash]) {
        // Lanes without a message of their own repeat the last.
        let places: [Place; N] =
            std::array::from_fn(|lane| self.places[group[lane.min(group.len() - 1)]]);
        let mut state = INITIAL.map(|word| [word; N]);
        let mut digests = [[0; N]; 8];
        for chunk in 0..places[0].chunks {
            let mut words = [[0; N]; 16];
            for (lane, place) in places.iter().enumerate() {
                // A lane that is done goes on with its last chunk, to no effect.
                let start = place.start + chunk.min(place.chunks - 1) * CHUNK_BYTES;
                let bytes: &[u8; CHUNK_BYTES] =
                    self.padded[start..].first_chunk().expect("messages are padded to chunks");
                for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                    word[lane] = u32::from_be_bytes(*bytes);
                }
            }
            compress(&mut state, &mut words);
            for (lane, place) in places.iter().enumerate() {
                if chunk + 1 == place.chunks {
                    for (digest, state) in digests.iter_mut().zip(&state) {
                        digest[lane] = state[lane];
                    }
                }
            }
        }
        if times == Times::Two {
            // 32 bytes, a one, zeros, and 256 bits.
            let mut words = [[0; N]; 16];
            words[..8].copy_from_slice(&digests);
            words[8] = [0x8000_0000; N];
            words[15] = [256; N];
            digests = INITIAL.map(|word| [word; N]);
            compress(&mut digests, &mut words);
        }
        for (lane, &at) in group.iter().enumerate() {
            for (bytes, word) in hashes[at].as_chunks_mut().0.iter_mut().zip(&digests) {
                *bytes = word[lane].to_be_bytes();
            }
        }
    }
}

/// `op` in every lane.
#[inline(always)]
fn lanes<const N: usize, const M: usize>(
    operands: [&[u32; N]; M],
    op: impl Fn([u32; M]) -> u32,
) -> [u32; N] {
    let mut result = [0; N];
    for lane in 0..N {
        result[lane] = op(operands.map(|operand| operand[lane]));
    }
    result
}

/// The compression function (FIPS 180-4, 6.2.2) in every lane; `words` are used up.
#[inline(always)]
fn compress<const N: usize>(state: &mut [[u32; N]; 8], words: &mut [[u32; N]; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for sixteen in 0..4 {
        for round in 0..16 {
            if sixteen > 0 {
                let next = [15, 2, 7, 16].map(|back| &words[(round + 16 - back) % 16]);
                words[round] = lanes(next, |[w15, w2, w7, w16]| {
                    let s0 = w15.rotate_right(7) ^ w15.rotate_right(18) ^ (w15 >> 3);
                    let s1 = w2.rotate_right(17) ^ w2.rotate_right(19) ^ (w2 >> 10);
                    w16.wrapping_add(s0).wrapping_add(w7).wrapping_add(s1)
                });
            }
            let constant = ROUND[16 * sixteen + round];
            let t1 = lanes([&e, &f, &g, &h, &words[round]], |[e, f, g, h, w]| {
                let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
                let choice = (e & f) ^ (!e & g);
                h.wrapping_add(s1).wrapping_add(choice).wrapping_add(constant).wrapping_add(w)
            });
            let next_a = lanes([&a, &b, &c, &t1], |[a, b, c, t1]| {
                let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
                let majority = (a & b) ^ (a & c) ^ (b & c);
                t1.wrapping_add(s0).wrapping_add(majority)
            });
            let next_e = lanes([&d, &t1], |[d, t1]| d.wrapping_add(t1));
            (a, b, c, d, e, f, g, h) = (next_a, a, b, c, next_e, e, f, g);
        }
    }
    for (word, added) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = lanes([word, &added], |[word, added]| word.wrapping_add(added));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_width_agrees_with_hashing_one_by_one(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40),
            long in prop::collection::vec(any::<u8>(), 0..5000),
        ) {
            let mut batch = Messages::default();
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            for message in messages.iter().chain([&long]) {
                let (head, tail) = message.split_at(message.len() / 3);
                batch.push(&[head, tail]);
                once.push(Hash::from(Sha256::digest(message)));
                twice.push(sha256d(&[message]));
            }
            let mut hashes = vec![[0; 32]; once.len()];
            for (times, expected) in [(Times::One, &once), (Times::Two, &twice)] {
                for hash in [Messages::hash_lanes::<4>, Messages::hash_lanes::<8>, Messages::hash_lanes::<16>, Messages::hash_singly] {
                    hashes.fill([0; 32]);
                    hash(&batch, times, &mut hashes);
                    prop_assert_eq!(&hashes, expected);
                }
            }
            prop_assert_eq!(batch.clone().sha256(), once);
            prop_assert_eq!(batch.sha256d(), twice);
            prop_assert_eq!(batch.sha256d(), Vec::<Hash>::new());
        }
    }
}
