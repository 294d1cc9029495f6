//! The history of how unequally an asset is held: `analytics.holdings_daily` and its companions.
//!
//! One ordered pass over all flows keeps what each holder holds, a histogram of that, and the number of
//! holders between powers of ten; at the end of each day the measures are taken of these.
//!
//! | file | what it holds |
//! |---|---|
//! | `amount.rs`, `ledger.rs` | what each holder holds |
//! | `bins.rs`, `brackets.rs` | how many hold about how much, and between what and what |
//! | `history.rs` | the pass: changes of days in, the spread at the end of each out |
//! | `flows.rs` | changes, read from the store |
//! | `rows.rs`, `metrics.rs` | the rows that a spread makes |
//! | `state.rs` | what the next run goes on from |
//! | `run.rs` | a run, from the last one's end to the last whole and final day |

mod amount;
mod bins;
mod brackets;
mod flows;
mod history;
mod ledger;
mod metrics;
mod rows;
mod run;
mod state;

pub use self::run::{Options, Progress, Summary, run};
