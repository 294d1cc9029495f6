//! How the session plans statements differently from plain DataFusion: one rule a file.

mod hex_literals;
mod large_joins;
mod sound_plans;
mod yielding_joins;

pub(crate) use hex_literals::HexLiterals;
pub(crate) use large_joins::LargeJoins;
pub(crate) use sound_plans::SoundPlans;
pub(crate) use yielding_joins::YieldingJoins;
