//! What a chain burns, by each method, computed when it is asked for.

use std::sync::Arc;

use assay_model::Chain;
use assay_model::reference::{
    ENERGY_PARAMETERS, ETHEREUM_NODES, GPUS, GRID_INTENSITY, HASH_RATES, MINING_HARDWARE,
    MINING_SHARES, NODE_POWER, PRICES, ReferenceTable,
};

use super::chance::interval;
use super::emissions::{Grids, Intensity};
use super::gather::{Gathered, gather};
use super::inputs::MiningDay;
use super::method::{DayPower, METHODS};
use super::{Bounds, Parameters};
use crate::reference::Reference;
use crate::{QueryError, Session};

/// Hours of a day.
const HOURS_PER_DAY: f64 = 24.0;
/// Gigawatt-hours of a terawatt-hour.
const GWH_PER_TWH: f64 = 1e3;
/// Hours of a year of 365.25 days.
const HOURS_PER_YEAR: f64 = 8_766.0;
/// Terawatt-hours times grams a kilowatt-hour are so many million tonnes.
const MT_PER_TWH_AND_G: f64 = 1e9 / 1e12;
/// The tables on which figures rest.
pub(crate) const TABLES: [&ReferenceTable; 9] = [
    &ENERGY_PARAMETERS,
    &ETHEREUM_NODES,
    &GPUS,
    &GRID_INTENSITY,
    &HASH_RATES,
    &MINING_HARDWARE,
    &MINING_SHARES,
    &NODE_POWER,
    &PRICES,
];

/// What is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of which chain.
    pub chain: Chain,
    /// How many blocks there have to be, a block itself included, until it is final; what the node says, or
    /// what is usual on the chain, if absent.
    pub confirmations: Option<u64>,
    /// Parameters that are to be otherwise than in `reference.energy_parameters`.
    pub changes: Vec<(String, f64)>,
}

impl Options {
    /// Of `chain`, with all parameters as they are.
    pub fn new(chain: Chain) -> Options {
        Options { chain, confirmations: None, changes: Vec::new() }
    }
}

/// What a chain burns.
pub struct Estimate {
    pub(crate) chain: Chain,
    pub(crate) parameters: Parameters,
    pub(crate) gathered: Gathered,
    pub(crate) methods: Vec<OfMethod>,
    /// Tells the state of the reference tables.
    pub(crate) reference: String,
}

/// What one method says.
pub(crate) struct OfMethod {
    pub(crate) name: &'static str,
    pub(crate) days: Vec<EstimatedDay>,
}

/// What a method says of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EstimatedDay {
    pub(crate) power: DayPower,
    /// Where 90 % of guesses are, GW, if the method has some.
    pub(crate) interval: Option<(f64, f64)>,
    /// Energy of this day and those before, TWh.
    pub(crate) total_twh: Bounds,
    pub(crate) intensity: Option<Intensity>,
    /// Emissions of this day and those before, million tonnes of CO2 equivalents.
    pub(crate) total_mt: Bounds,
}

/// Estimates what a chain burns.
///
/// # Errors
///
/// If there is neither a chain nor a table of its hash rates, if a parameter is unknown, or if the store or a
/// file cannot be read.
pub async fn estimate(session: &Session, options: &Options) -> Result<Estimate, QueryError> {
    let reference: Arc<Reference> = session.reference().await?;
    let chain = options.chain;
    let parameters = Parameters::changed(&reference, chain, &options.changes)?;
    let gathered = gather(session, &reference, &parameters, chain, options.confirmations).await?;
    if gathered.facts.days.is_empty() {
        return Err(QueryError::NoHashRates { chain: chain.name() });
    }
    by_all_methods(&reference, chain, parameters, gathered, true)
}

/// What each method says of what was gathered; if it `has_interval`, with where 90 % of guesses are, which takes
/// longer than all the rest.
pub(crate) fn by_all_methods(
    reference: &Reference,
    chain: Chain,
    parameters: Parameters,
    gathered: Gathered,
    has_interval: bool,
) -> Result<Estimate, QueryError> {
    let grids = Grids::read(reference, chain)?;
    let mut methods = Vec::new();
    for (place, method) in METHODS.into_iter().enumerate() {
        let powers = method.power(&gathered.facts, &parameters)?;
        // Only that of the first method: the other has one parameter, which nobody bounds.
        let intervals = match place {
            0 if has_interval => interval(&gathered.facts, &parameters)?,
            _ => vec![None; gathered.facts.days.len()],
        };
        let days = summed(&powers, &intervals, &grids, &gathered.facts.days);
        methods.push(OfMethod { name: method.name(), days });
    }
    let reference = reference.fingerprint(&TABLES)?;
    Ok(Estimate { chain, parameters, gathered, methods, reference })
}

impl Estimate {
    /// The last height of the chain that it rests on; `None` if that is not indexed.
    pub fn height(&self) -> Option<u64> {
        self.gathered.block.map(|(height, _)| height)
    }

    /// The parameters that it rests on.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What tells the state of the reference tables that it rests on from others.
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

/// The days with sums of those before them.
fn summed(
    powers: &[DayPower],
    intervals: &[Option<(f64, f64)>],
    grids: &Grids,
    days: &[MiningDay],
) -> Vec<EstimatedDay> {
    let (mut total_twh, mut total_mt) = (Bounds::default(), Bounds::default());
    let sum = |power: &DayPower| {
        let intensity = grids.on(days[power.place].day);
        let twh = day_twh(power.power_gw);
        total_twh += twh;
        total_mt += twh.map(|twh| twh * intensity.map_or(0.0, |i| i.g_per_kwh) * MT_PER_TWH_AND_G);
        EstimatedDay {
            power: *power,
            interval: intervals[power.place],
            total_twh,
            intensity,
            total_mt,
        }
    };
    powers.iter().map(sum).collect()
}

/// Energy of a day at a power, TWh.
pub(crate) fn day_twh(power_gw: Bounds) -> Bounds {
    power_gw.map(|gw| gw * HOURS_PER_DAY / GWH_PER_TWH)
}

/// Energy of a year at a power, TWh.
pub(crate) fn annual_twh(power_gw: Bounds) -> Bounds {
    power_gw.map(|gw| gw * HOURS_PER_YEAR / GWH_PER_TWH)
}

/// Emissions of a year at a power, million tonnes of CO2 equivalents.
pub(crate) fn annual_mt(power_gw: Bounds, intensity: Intensity) -> Bounds {
    annual_twh(power_gw).map(|twh| twh * intensity.g_per_kwh * MT_PER_TWH_AND_G)
}
