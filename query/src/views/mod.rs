//! The views: queries that have a name, one a file in `sql/views/<schema>/<name>.sql`.
//!
//! A view is planned anew for every statement that names it, so it sees the statement's snapshot.

mod analytics_energy_compare;
mod analytics_energy_per_use_daily;
mod analytics_market_values;
mod analytics_network_fiat_daily;
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
pub const ALL: [View; 8] = [
    bitcoin_utxos::UTXOS,
    bitcoin_balances::BALANCES,
    ethereum_balances::BALANCES,
    ethereum_token_balances::TOKEN_BALANCES,
    analytics_network_fiat_daily::NETWORK_FIAT_DAILY,
    analytics_market_values::MARKET_VALUES,
    analytics_energy_compare::ENERGY_COMPARE,
    analytics_energy_per_use_daily::ENERGY_PER_USE_DAILY,
];

/// The view `schema.name`.
pub(crate) fn find(schema: &str, name: &str) -> Option<&'static View> {
    static VIEWS: [View; 8] = ALL;
    VIEWS.iter().find(|view| view.schema == schema && view.name == name)
}
