//! What a store is to hold, and whether one that is there does.

use std::collections::BTreeSet;

use assay_model::Chain;
use assay_model::lake::{Extra, LakeInfo, SCHEMA_VERSION};

use super::SinkError;

/// What a store is to hold of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The chain.
    pub chain: Chain,
    /// Name of the network.
    pub network: String,
    /// First height; that of the store, or 0, if not given.
    pub from: Option<u64>,
    /// What else than every store of the chain, as far as its first height allows. A store that has
    /// more goes on getting it.
    pub extras: BTreeSet<Extra>,
}

impl Wanted {
    /// The extras that a store with first height `from` can hold.
    fn extras_from(&self, from: u64) -> BTreeSet<Extra> {
        self.extras.iter().copied().filter(|extra| extra.is_within(from)).collect()
    }

    /// What a new store says of itself.
    pub(super) fn info(&self) -> LakeInfo {
        let from = self.from.unwrap_or(0);
        let (network, extras) = (self.network.clone(), self.extras_from(from));
        LakeInfo { schema_version: SCHEMA_VERSION, network, from, extras }
    }

    /// Compares with what the store at `place` says of itself.
    pub(super) fn check(&self, found: &LakeInfo, place: &str) -> Result<(), SinkError> {
        let place = place.to_owned();
        if found.schema_version != SCHEMA_VERSION {
            let found = u64::from(found.schema_version);
            return Err(SinkError::OtherSchema { place, found, wanted: SCHEMA_VERSION });
        }
        if found.network != self.network {
            let (found, wanted) = (found.network.clone(), self.network.clone());
            return Err(SinkError::OtherNetwork { place, found, wanted });
        }
        if let Some(from) = self.from.filter(|&from| from != found.from) {
            return Err(SinkError::OtherStart { place, found: found.from, wanted: from });
        }
        match self.extras_from(found.from).difference(&found.extras).next() {
            Some(&missing) => Err(SinkError::NoExtra { place, missing }),
            None => Ok(()),
        }
    }
}
