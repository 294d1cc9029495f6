//! Parts of a statement as ClickHouse's SQL.
//!
//! | file | what it holds |
//! |---|---|
//! | `select.rs` | a SELECT that grows node by node |
//! | `plan.rs` | nodes of a plan that have one input or none |
//! | `aggregate.rs` | groups and what is computed of them |
//! | `combine.rs` | joins and unions |
//! | `expression.rs` | what is computed of one row |
//! | `functions.rs` | functions by their names |
//! | `kind.rs` | types, and constants of them |
//!
//! # Invariants
//!
//! * The set of nodes, expressions and functions is closed: `None` means that something is not known
//!   to be the same in ClickHouse, and nothing is sent of it.
//! * Columns are named `c1`, `c2`, … and no name comes twice in a text, so none can be taken for
//!   another.

mod aggregate;
mod combine;
mod expression;
mod functions;
mod kind;
pub(super) mod plan;
pub(super) mod select;
