//! The chains that assay knows.

use std::fmt;

use crate::Table;

/// A chain. A closed set: code that handles chains matches on it, and the compiler says what is
/// missing when a third one comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// Bitcoin and its test networks.
    Bitcoin,
}

impl Chain {
    /// Every chain, in the order in which it is listed to people.
    pub const ALL: [Chain; 1] = [Chain::Bitcoin];

    /// The name of the chain in SQL (its schema), in folders and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Chain::Bitcoin => "bitcoin",
        }
    }

    /// The tables that a block of this chain fills, in the order in which they are written.
    pub fn tables(self) -> &'static [&'static Table] {
        match self {
            Chain::Bitcoin => &crate::bitcoin::TABLES,
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
