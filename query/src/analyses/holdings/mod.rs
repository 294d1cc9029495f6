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
//! | `entities.rs` | which addresses are one holder's |
//! | `flows.rs` | changes, read from the store |
//! | `rows.rs`, `metrics.rs` | the rows that a spread makes |
//! | `state.rs` | what the next run goes on from |
//! | `at.rs` | the same for one moment, exactly |
//! | `run.rs` | a run, from the last one's end to the last whole and final day |

mod amount;
mod at;
mod bins;
mod brackets;
mod entities;
mod flows;
mod history;
mod ledger;
mod metrics;
mod rows;
mod run;
mod state;

pub use self::at::{At, Holdings, Question, at};
pub use self::brackets::Bracket;
pub use self::run::{Options, Summary, run};
