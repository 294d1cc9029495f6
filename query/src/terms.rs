//! On what terms a statement runs: for whom, with what memory, with which parameters.

use datafusion::common::ParamValues;

use crate::Kind;

/// What a statement may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// Every table.
    #[default]
    Everything,
    /// Views, derived and reference tables, and descriptions, but none of the rows of a chain themselves.
    Results,
}

impl Access {
    /// Whether a statement may name what is of `kind`.
    pub(crate) fn allows(self, kind: Kind) -> bool {
        match self {
            Access::Everything => true,
            Access::Results => kind != Kind::Table,
        }
    }
}

/// On what terms a statement runs.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// What it may read.
    pub access: Access,
    /// Memory that it may hold, as far as the session has that; all of it if absent.
    pub memory_limit_bytes: Option<usize>,
    /// What `$1`, `$2` and so on, or `$name`, stand for; nothing if absent.
    pub parameters: Option<ParamValues>,
}
