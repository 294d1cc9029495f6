//! The views: queries that have a name, one a file in `sql/views/<schema>/<name>.sql`.
//!
//! A view is planned anew for every statement that names it, so it sees the statement's snapshot.

mod bitcoin_balances;
mod bitcoin_utxos;
mod ethereum_balances;
mod ethereum_token_balances;

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
pub const ALL: [View; 4] = [
    bitcoin_utxos::UTXOS,
    bitcoin_balances::BALANCES,
    ethereum_balances::BALANCES,
    ethereum_token_balances::TOKEN_BALANCES,
];

/// The view `schema.name`.
pub(crate) fn find(schema: &str, name: &str) -> Option<&'static View> {
    static VIEWS: [View; 4] = ALL;
    VIEWS.iter().find(|view| view.schema == schema && view.name == name)
}
