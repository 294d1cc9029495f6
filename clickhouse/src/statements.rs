//! The statements of a migration, as a server is sent them.
//!
//! # Invariants
//!
//! * A file says everything once: what differs between a server and a cluster is words with `$`, and
//!   statements below a line that says which of the two they are for.

use crate::{Cluster, Schema, quote};

/// The line above a statement that is for clusters.
const CLUSTER_ONLY: &str = "-- cluster only";
/// The line above a statement that is for single servers.
const SINGLE_ONLY: &str = "-- single only";
/// The line above a statement that many servers refuse: they have their users in files.
const USERS: &str = "-- where users may be made";
/// What keeps rows on the replicas of a shard.
const REPLICATED: &str = "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')";

/// A statement of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// It, as it is sent.
    pub(crate) sql: String,
    /// Whether it is one that many servers refuse: they have their users in files.
    pub(crate) makes_users: bool,
}

/// What stands for the words with `$` in a file.
pub(crate) struct Words<'a> {
    /// The database.
    pub(crate) database: &'a str,
    /// What the tables are for.
    pub(crate) schema: &'a Schema,
}

impl Words<'_> {
    /// `sql` without words with `$`.
    pub(crate) fn fill(&self, sql: &str) -> String {
        let cluster = self.schema.cluster.as_ref();
        let merge_tree = match cluster {
            Some(Cluster { has_keeper: true, .. }) => REPLICATED,
            _ => "MergeTree",
        };
        let name = cluster.map(|cluster| quote(&cluster.name)).unwrap_or_default();
        sql.replace("$db", self.database)
            .replace("$on_cluster", &self.schema.on_cluster())
            .replace("$cluster", &name)
            .replace("$local", if cluster.is_some() { "_local" } else { "" })
            .replace("$merge_tree", merge_tree)
    }

    /// The statements of a file that are meant here.
    pub(crate) fn statements(&self, file: &str) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut above = Vec::new();
        let mut text = String::new();
        for line in file.lines() {
            if line.starts_with("--") {
                above.push(line);
                continue;
            }
            if line.is_empty() && text.is_empty() {
                continue;
            }
            text += line;
            text.push('\n');
            let Some(sql) = text.trim_end().strip_suffix(';') else { continue };
            let other = if self.schema.cluster.is_some() { SINGLE_ONLY } else { CLUSTER_ONLY };
            if !above.contains(&other) {
                let makes_users = above.contains(&USERS);
                statements.push(Statement { sql: self.fill(sql), makes_users });
            }
            above.clear();
            text.clear();
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- About\n--\n-- it.\n\nCREATE TABLE $db.t$local $on_cluster\n(\n    a Int32\n)\n\
                        ENGINE = $merge_tree;\n\n-- cluster only\nCREATE TABLE $db.t AS $db.t_local\n\
                        ENGINE = Distributed($cluster, $db, t_local);\n\n-- where users may be made\nGRANT x;\n";

    fn statements(cluster: Option<Cluster>) -> Vec<Statement> {
        Words { database: "d", schema: &Schema { cluster } }.statements(FILE)
    }

    #[test]
    fn a_file_has_other_statements_on_a_cluster() {
        let single = statements(None);
        assert_eq!(single.len(), 2);
        assert_eq!(single[0].sql, "CREATE TABLE d.t \n(\n    a Int32\n)\nENGINE = MergeTree");
        assert_eq!(single[1], Statement { sql: "GRANT x".to_owned(), makes_users: true });
        for has_keeper in [true, false] {
            let cluster = statements(Some(Cluster { name: "c".to_owned(), has_keeper }));
            assert_eq!(cluster.len(), 3);
            let start = "CREATE TABLE d.t_local ON CLUSTER 'c'";
            assert_eq!(cluster[0].sql.starts_with(start), has_keeper);
            assert_eq!(cluster[0].sql.contains("ENGINE = Replicated"), has_keeper);
            assert!(cluster[1].sql.ends_with("Distributed('c', d, t_local)"));
        }
    }
}
