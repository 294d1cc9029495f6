//! What a user may do, and how much of the server one statement may take.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use assay_query::Access;
use serde::{Deserialize, Serialize};

const GIB: usize = 1 << 30;

/// What a user may do. All read; nobody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads views, derived tables and descriptions, as dashboards do.
    Regulator,
    /// Reads every table.
    Analyst,
    /// Reads every table, and exports.
    Compliance,
    /// Reads every table and the audit log, and exports.
    Operator,
}

impl Role {
    /// All roles, in the order of what they may do.
    pub const ALL: [Role; 4] = [Role::Regulator, Role::Analyst, Role::Compliance, Role::Operator];

    /// Its name, as in the file of users.
    pub fn name(self) -> &'static str {
        match self {
            Role::Regulator => "regulator",
            Role::Analyst => "analyst",
            Role::Compliance => "compliance",
            Role::Operator => "operator",
        }
    }

    /// What its statements may read.
    pub fn access(self) -> Access {
        match self {
            Role::Regulator => Access::Results,
            Role::Analyst | Role::Compliance | Role::Operator => Access::Everything,
        }
    }

    /// Whether it may take rows away as a file: `COPY … TO STDOUT`, Parquet and the like.
    pub fn may_export(self) -> bool {
        matches!(self, Role::Compliance | Role::Operator)
    }

    /// Whether it may read what others asked.
    pub fn may_read_audit(self) -> bool {
        self == Role::Operator
    }

    /// Its limits unless the options say otherwise.
    pub fn limits(self) -> Limits {
        match self {
            Role::Regulator => Limits {
                timeout: Duration::from_secs(60),
                memory_bytes: GIB,
                rows: 1_000_000,
                concurrency: 16,
            },
            Role::Analyst => Limits {
                timeout: Duration::from_secs(10 * 60),
                memory_bytes: 2 * GIB,
                rows: 100_000_000,
                concurrency: 8,
            },
            Role::Compliance => Limits {
                timeout: Duration::from_secs(60 * 60),
                memory_bytes: 2 * GIB,
                rows: 1_000_000_000,
                concurrency: 8,
            },
            Role::Operator => Limits {
                timeout: Duration::from_secs(60 * 60),
                memory_bytes: 4 * GIB,
                rows: u64::MAX,
                concurrency: 8,
            },
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such role.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no role '{0}': it is one of regulator, analyst, compliance, operator")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Role, UnknownRole> {
        let known = Role::ALL.into_iter().find(|role| role.name() == name);
        known.ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

/// How much the statements of a role may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the moment a statement is asked until its last row is taken.
    pub timeout: Duration,
    /// What its operators may hold in memory; beyond it they spill, or the statement fails.
    pub memory_bytes: usize,
    /// The most rows that one statement answers with.
    pub rows: u64,
    /// The most statements of the role that run at once; more wait.
    pub concurrency: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_roles() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        let error = "admin".parse::<Role>().expect_err("no such role").to_string();
        assert!(error.contains("regulator, analyst"), "{error}");
    }

    #[test]
    fn who_may_do_more_never_reads_less() {
        let may = |role: Role| {
            (role.access() == Access::Everything, role.may_export(), role.may_read_audit())
        };
        assert!(Role::ALL.windows(2).all(|pair| may(pair[0]) <= may(pair[1])));
    }
}
