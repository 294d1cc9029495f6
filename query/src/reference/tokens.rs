//! Into what a token is divided.

use assay_model::reference::TOKENS;

use super::Rows;

/// Decimals of a token of which nobody said how many it has: what OpenZeppelin's ERC-20 has by default.
const USUAL_DECIMALS: u32 = 18;

/// A token has 10 to this power units, as `rows` of `reference.tokens` say, or else as is usual.
pub(crate) fn decimals_in(rows: &Rows, token: &str) -> u32 {
    let [name, decimals] = ["token", "decimals"].map(|name| TOKENS.place(name));
    let found = rows.rows.binary_search_by(|row| row.text(name).cmp(token));
    let decimals = found.ok().and_then(|place| rows.rows[place].whole(decimals));
    decimals.and_then(|decimals| u32::try_from(decimals).ok()).unwrap_or(USUAL_DECIMALS)
}
