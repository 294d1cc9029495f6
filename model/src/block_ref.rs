//! Which block is meant: height, hash and parent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hex;

/// A block's hash, in display order (the reverse of the order in which Bitcoin hashes it).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BlockHash(pub [u8; 32]);

impl BlockHash {
    /// A hash from the byte order of Bitcoin's wire format.
    pub fn from_wire(mut bytes: [u8; 32]) -> BlockHash {
        bytes.reverse();
        BlockHash(bytes)
    }

    /// The bytes in the order of Bitcoin's wire format.
    pub fn to_wire(self) -> [u8; 32] {
        BlockHash::from_wire(self.0).0
    }
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 hex digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block hash is 64 hex digits, got '{0}'")]
pub struct BlockHashError(String);

impl FromStr for BlockHash {
    type Err = BlockHashError;

    fn from_str(text: &str) -> Result<BlockHash, BlockHashError> {
        hex::decode(text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(BlockHash)
            .ok_or_else(|| BlockHashError(text.to_owned()))
    }
}

impl From<BlockHash> for String {
    fn from(hash: BlockHash) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for BlockHash {
    type Error = BlockHashError;

    fn try_from(text: String) -> Result<BlockHash, BlockHashError> {
        text.parse()
    }
}

/// One block of one chain: its place and its identity.
///
/// Two references with the same height and different hashes are different blocks; a sequence of
/// references is a chain when each one's `parent` is the `hash` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Distance from the genesis block, which has height 0.
    pub height: u64,
    /// Hash of this block's header.
    pub hash: BlockHash,
    /// Hash of the header before it; all zero for the genesis block.
    pub parent: BlockHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_hash_is_the_one_people_know() {
        let genesis = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
        let hash: BlockHash = genesis.parse().expect("64 hex digits");
        assert_eq!(hash.to_string(), genesis);
        assert_eq!(hash.to_wire()[31], 0);
        assert_eq!(BlockHash::from_wire(hash.to_wire()), hash);
    }

    #[test]
    fn text_of_another_length_is_refused() {
        assert!("00".parse::<BlockHash>().is_err());
    }
}
