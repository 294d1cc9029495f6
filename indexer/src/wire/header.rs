//! Block headers and their proof of work.

use assay_model::{BlockHash, Network};
use bitcoin::pow::{CompactTarget, Target, Work};

use super::{Hash, Reader, WireError, sha256d};

/// A block header. Hashes are in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version, or BIP 9 signalling bits.
    pub version: i32,
    /// Hash of the header before.
    pub parent: Hash,
    /// Root of the merkle tree of transaction ids.
    pub merkle_root: Hash,
    /// Unix time that the miner claims, seconds.
    pub time: u32,
    /// Target in compact form.
    pub bits: u32,
    /// The number that the miner searched for.
    pub nonce: u32,
}

impl Header {
    /// Bytes of a header.
    pub const SIZE: usize = 80;

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// If fewer than [`Header::SIZE`] bytes are left.
    pub fn read(reader: &mut Reader<'_>) -> Result<Header, WireError> {
        Ok(Header {
            version: reader.u32()? as i32, // the wire has its two's complement
            parent: *reader.array()?,
            merkle_root: *reader.array()?,
            time: reader.u32()?,
            bits: reader.u32()?,
            nonce: reader.u32()?,
        })
    }

    /// Hash of the header whose bytes are `bytes`.
    pub fn hash_of(bytes: &[u8; Header::SIZE]) -> Hash {
        sha256d(&[bytes])
    }

    /// Whether `hash`, this header's own, is at or below the target that the header claims, and
    /// that target is one which `network` allows (`CheckProofOfWork` of Bitcoin Core).
    pub fn has_proof_of_work(&self, hash: &Hash, network: Network) -> bool {
        // A target above 2^256 has a larger exponent; the sign bit makes `from_compact` say zero.
        if self.bits >> 24 > 32 {
            return false;
        }
        let target = self.target();
        let limit = Target::from_compact(CompactTarget::from_consensus(network.pow_limit_bits()));
        Target::ZERO < target
            && target <= limit
            && BlockHash::from_wire(*hash).0 <= target.to_be_bytes()
    }

    /// Hashes expected to find such a header; only of one that has its proof of work.
    pub fn work(&self) -> Work {
        self.target().to_work()
    }

    fn target(&self) -> Target {
        Target::from_compact(CompactTarget::from_consensus(self.bits))
    }

    /// How many times harder than the easiest mainnet target this one is (`GetDifficulty` of
    /// Bitcoin Core's `rpc/blockchain.cpp`, in the same floating-point steps).
    pub fn difficulty(&self) -> f64 {
        let mut difficulty = f64::from(0xffff) / f64::from(self.bits & 0x00ff_ffff);
        for _ in (self.bits >> 24)..29 {
            difficulty *= 256.0;
        }
        for _ in 29..(self.bits >> 24) {
            difficulty /= 256.0;
        }
        difficulty
    }
}
