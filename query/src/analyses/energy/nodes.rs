//! Nodes of a proof of stake, which draw what computers that run clients do (Cambridge: CBNSI, after the
//! measurements of the Crypto Carbon Ratings Institute).

use std::collections::BTreeMap;

use assay_model::reference::{ETHEREUM_NODES, NODE_POWER};

use super::{Bounds, Parameters};
use crate::QueryError;
use crate::reference::Reference;

/// The computers on which clients were measured, from the smallest to the largest.
const CONFIGURATIONS: [&str; 3] = ["config4", "config5", "config6"];
/// The parameters that say how much each of them counts.
const WEIGHTS: [&str; 3] = ["pos_weight_config4", "pos_weight_config5", "pos_weight_config6"];
/// What a computer draws before it runs a client.
const IDLE: &str = "idle";
/// Programs that run transactions; a node runs one of them …
const EXECUTION_CLIENTS: [&str; 3] = ["besu", "erigon", "geth"];
/// … and one of these, which follow the beacon chain.
const CONSENSUS_CLIENTS: [&str; 5] = ["lighthouse", "lodestar", "nimbus", "prysm", "teku"];
/// What the parameters begin with that say which share of nodes runs a client.
const SHARE: &str = "client_share_";
/// Watts of a gigawatt.
const W_PER_GW: f64 = 1e9;

/// Nodes, and what one draws.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nodes {
    /// Days from which there are so many, in order.
    counts: Vec<(i64, f64)>,
    /// Of one node, W.
    watts: Bounds,
}

impl Nodes {
    pub(crate) fn read(
        reference: &Reference,
        parameters: &Parameters,
    ) -> Result<Nodes, QueryError> {
        let rows = reference.rows(&NODE_POWER)?.rows.iter();
        let watts: BTreeMap<(&str, &str), f64> =
            rows.filter_map(|row| Some(((row.text(0), row.text(1)), row.number(2)?))).collect();
        let watts_of = |component: &'static str, configuration: &'static str| {
            watts.get(&(component, configuration)).copied().ok_or_else(|| QueryError::Parameter {
                reason: format!("reference.node_power has no {component} on {configuration}"),
            })
        };
        // Of clients, as many as there are of each.
        let mean = |clients: &[&'static str], configuration| -> Result<f64, QueryError> {
            let (mut sum, mut shares) = (0.0, 0.0);
            for client in clients {
                let share = parameters.best(&format!("{SHARE}{client}"))?;
                sum += share * watts_of(client, configuration)?;
                shares += share;
            }
            Ok(sum / shares)
        };
        let mut node = [0.0; CONFIGURATIONS.len()];
        let mut best = 0.0;
        for (place, configuration) in CONFIGURATIONS.into_iter().enumerate() {
            node[place] = watts_of(IDLE, configuration)?
                + mean(&EXECUTION_CLIENTS, configuration)?
                + mean(&CONSENSUS_CLIENTS, configuration)?;
            best += parameters.best(WEIGHTS[place])? * node[place];
        }
        let [lower, _, upper] = node;
        let rows = reference.rows(&ETHEREUM_NODES)?.rows.iter();
        let counts = rows.filter_map(|row| Some((row.whole(0)?, row.number(1)?))).collect();
        Ok(Nodes { counts, watts: Bounds { lower, best, upper } })
    }

    /// What all of them draw on `day`, GW: by the last count, or the first if that is later; `None` if
    /// they were never counted.
    pub(crate) fn power_gw(&self, day: i64) -> Option<Bounds> {
        let place = self.counts.partition_point(|(from, _)| *from <= day).max(1);
        let (_, count) = self.counts.get(place - 1)?;
        Some(self.watts.map(|watts| watts * count / W_PER_GW))
    }
}
