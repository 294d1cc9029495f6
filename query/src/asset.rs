//! What is held: the coin of a chain, or a token.

use std::fmt;

use assay_model::Chain;
use assay_model::reference::TOKENS;

use crate::QueryError;
use crate::reference::{decimals_in, shipped};

/// What is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asset {
    /// The coin of a chain.
    Coin(Chain),
    /// A token of Ethereum, by the address of its contract: `0x` and 40 hex digits in lower case.
    Token(String),
}

impl Asset {
    /// The asset called `name`: a chain, or the address of a token's contract in any case.
    pub fn named(name: &str) -> Result<Asset, QueryError> {
        let lower = name.to_lowercase();
        if let Some(chain) = Chain::ALL.into_iter().find(|chain| chain.name() == lower) {
            return Ok(Asset::Coin(chain));
        }
        let digits = lower.strip_prefix("0x").filter(|digits| digits.len() == 40);
        match digits {
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                Ok(Asset::Token(lower))
            }
            _ => Err(QueryError::UnknownAsset { name: name.to_owned() }),
        }
    }

    /// The chain whose blocks tell who holds it.
    pub fn chain(&self) -> Chain {
        match self {
            Asset::Coin(chain) => *chain,
            Asset::Token(_) => Chain::Ethereum,
        }
    }

    /// A coin has 10 to this power base units. Of tokens it is what comes with the program in
    /// `reference.tokens`, or else the usual.
    pub fn decimals(&self) -> u32 {
        match self {
            Asset::Coin(Chain::Bitcoin) => 8,
            Asset::Coin(Chain::Ethereum) => 18,
            Asset::Token(token) => decimals_in(shipped(&TOKENS), token),
        }
    }

    /// What a coin of it is called, for people.
    pub fn unit(&self) -> &'static str {
        match self {
            Asset::Coin(Chain::Bitcoin) => "BTC",
            Asset::Coin(Chain::Ethereum) => "ETH",
            Asset::Token(_) => "tokens",
        }
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asset::Coin(chain) => chain.fmt(f),
            Asset::Token(token) => f.write_str(token),
        }
    }
}
