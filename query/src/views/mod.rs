//! The views: queries that have a name, one a file in `sql/views/<schema>/<name>.sql`.
//!
//! A view is planned anew for every statement that names it, so it sees the statement's snapshot.

mod balances;
mod utxos;

use assay_model::Column;

/// A query that has a name.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Schema in SQL.
    pub schema: &'static str,
    /// Name within the schema.
    pub name: &'static str,
    /// One line: what one row is.
    pub doc: &'static str,
    /// The columns, in order.
    pub columns: &'static [Column],
    /// The query.
    pub sql: &'static str,
}

/// Every view.
pub const ALL: [View; 2] = [utxos::UTXOS, balances::BALANCES];

/// The view `schema.name`.
pub(crate) fn find(schema: &str, name: &str) -> Option<&'static View> {
    static VIEWS: [View; 2] = ALL;
    VIEWS.iter().find(|view| view.schema == schema && view.name == name)
}
