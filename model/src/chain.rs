//! The chains that assay knows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Table;
use crate::lake::Extra;

/// A chain. A closed set: code that handles chains matches on it, and the compiler says what is
/// missing when a third one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Chain {
    /// Bitcoin and its test networks.
    Bitcoin,
    /// Ethereum and its test networks.
    Ethereum,
}

impl Chain {
    /// Every chain, in the order in which it is listed to people.
    pub const ALL: [Chain; 2] = [Chain::Bitcoin, Chain::Ethereum];

    /// The name of the chain in SQL (its schema), in folders and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Chain::Bitcoin => "bitcoin",
            Chain::Ethereum => "ethereum",
        }
    }

    /// What a lake of this chain may hold or not, as a whole.
    pub fn extras(self) -> &'static [Extra] {
        match self {
            Chain::Bitcoin => &[Extra::Scripts],
            Chain::Ethereum => &[Extra::Genesis, Extra::Traces],
        }
    }

    /// The tables that a block of this chain fills, in the order in which they are written.
    pub fn tables(self) -> &'static [&'static Table] {
        match self {
            Chain::Bitcoin => &crate::bitcoin::TABLES,
            Chain::Ethereum => &crate::ethereum::TABLES,
        }
    }

    /// The one of them that has a row a block, with its height, hash, parent, time and size.
    pub fn blocks(self) -> &'static Table {
        match self {
            Chain::Bitcoin => &crate::bitcoin::BLOCKS,
            Chain::Ethereum => &crate::ethereum::BLOCKS,
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
