//! Clusters: how a statement reaches every node, and whether an address names them all.
//!
//! # Invariants
//!
//! * What has to be done on every node of a cluster is done on every node, or it fails.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Connection, Error, quote};

/// Servers that the tables are distributed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The name in their configuration.
    pub name: String,
    /// Whether they agree through a Keeper: then it takes statements to all of them, and tables copy
    /// themselves to the replicas of their shard. Else a shard is one server, and each is sent every
    /// statement.
    pub has_keeper: bool,
}

/// The tables in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The cluster that they are for; `None` if they are for a single server.
    pub cluster: Option<Cluster>,
}

/// A server, as the configuration of one of the cluster has it.
#[derive(Clone, Debug, Deserialize)]
struct Node {
    shard: u32,
    replica: u32,
    host: String,
    port: u16,
    is_local: u8,
}

impl Schema {
    /// What a statement for every node has where ClickHouse wants `ON CLUSTER`.
    pub fn on_cluster(&self) -> String {
        let cluster = self.cluster.as_ref().filter(|cluster| cluster.has_keeper);
        cluster.map(|cluster| format!("ON CLUSTER {}", quote(&cluster.name))).unwrap_or_default()
    }

    /// Carries out `sql`, which has [`Schema::on_cluster`] in it, on every node.
    ///
    /// # Errors
    ///
    /// If one of them refuses or cannot be reached.
    pub async fn execute_everywhere(
        &self,
        connection: &Connection,
        sql: &str,
        action: &str,
        settings: &[(&str, &str)],
    ) -> Result<(), Error> {
        match &self.cluster {
            Some(Cluster { has_keeper: true, .. }) => {
                connection.execute_with(sql, action, settings).await
            }
            _ => connection.execute_everywhere(sql, action, settings).await,
        }
    }

    /// Checks that the address of `connection` names a single server if the tables are for one, and
    /// every node of a cluster without a Keeper: others would miss what every node has to do.
    ///
    /// # Errors
    ///
    /// [`Error::Cluster`] if it does not; else if a node refuses or cannot be reached.
    pub async fn check_nodes(&self, connection: &Connection) -> Result<(), Error> {
        match &self.cluster {
            None if connection.address().is_several() => Err(fault(
                connection,
                "the address names several servers, and the tables are for a single one: \
                 `assay store migrate --cluster` makes those of a cluster",
            )),
            Some(cluster) if !cluster.has_keeper => cluster.check_named(connection).await,
            _ => Ok(()),
        }
    }
}

impl Cluster {
    async fn check_named(&self, connection: &Connection) -> Result<(), Error> {
        let name = &self.name;
        let mut unnamed: Option<BTreeMap<u32, Node>> = None;
        for alone in connection.each() {
            let nodes = self.nodes(&alone).await?;
            if nodes.is_empty() {
                return Err(fault(&alone, &format!("this server knows no cluster '{name}'")));
            }
            if let Some(Node { shard, .. }) = nodes.iter().find(|node| node.replica > 1) {
                let what = format!(
                    "shard {shard} of the cluster '{name}' has replicas, and they copy from each \
                     other only with a Keeper"
                );
                return Err(fault(&alone, &what));
            }
            let own = nodes.iter().find(|node| node.is_local > 0).map(|node| node.shard);
            let all = nodes.into_iter().map(|node| (node.shard, node));
            let unnamed = unnamed.get_or_insert_with(|| all.collect());
            if own.and_then(|shard| unnamed.remove(&shard)).is_none() {
                let what = format!(
                    "this server is no shard of the cluster '{name}', or one that the address \
                     names twice"
                );
                return Err(fault(&alone, &what));
            }
        }
        match unnamed.unwrap_or_default().into_values().next() {
            None => Ok(()),
            Some(Node { shard, host, port, .. }) => {
                let what = format!(
                    "without a Keeper the address has to name every node of the cluster \
                     '{name}', and shard {shard} is missing: {host} (port {port} for other nodes)"
                );
                Err(fault(connection, &what))
            }
        }
    }

    /// The nodes that the one server behind `connection` knows.
    async fn nodes(&self, connection: &Connection) -> Result<Vec<Node>, Error> {
        let sql = format!(
            "SELECT shard_num AS shard, replica_num AS replica, host_name AS host, port, is_local \
             FROM system.clusters WHERE cluster = {} ORDER BY shard, replica",
            quote(&self.name)
        );
        connection.rows(&sql, "read which nodes the cluster has").await
    }
}

fn fault(connection: &Connection, what: &str) -> Error {
    Error::Cluster { place: connection.address().to_string(), what: what.to_owned() }
}
