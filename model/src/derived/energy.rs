//! `analytics.energy_daily` and `analytics.emissions_daily`: what chains burn, day by day.

use super::DerivedTable;
use crate::{Column, ColumnType};

/// Power and energy.
pub const ENERGY_DAILY: DerivedTable = DerivedTable {
    name: "energy_daily",
    doc: "One row per chain, method and day: the power that the chain draws, with bounds, and what that rests on.",
    key: &["chain", "method", "day"],
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required(
            "method",
            ColumnType::Text,
            "Name and version of the method: hardware counts what machines draw that pay for their electricity, revenue_share what miners can buy.",
        ),
        Column::required("day", ColumnType::Time, "When the day begins, UTC."),
        Column::required("power_gw_lower", ColumnType::Float64, "Power at least, GW."),
        Column::required("power_gw", ColumnType::Float64, "Power, best guess, GW."),
        Column::required("power_gw_upper", ColumnType::Float64, "Power at most, GW."),
        Column::optional(
            "power_gw_low_90",
            ColumnType::Float64,
            "Below it are 5 % of the guesses that uncertain parameters lead to, GW; null where none was drawn. It may be outside of the bounds, which are of one price of electricity.",
        ),
        Column::optional("power_gw_high_90", ColumnType::Float64, "Above it are 5 % of them, GW."),
        Column::required(
            "annual_twh_lower",
            ColumnType::Float64,
            "Energy of a year at that power, at least, TWh.",
        ),
        Column::required("annual_twh", ColumnType::Float64, "The same, best guess, TWh."),
        Column::required("annual_twh_upper", ColumnType::Float64, "The same, at most, TWh."),
        Column::required(
            "total_twh_lower",
            ColumnType::Float64,
            "Energy of all days up to this one, at least, TWh.",
        ),
        Column::required("total_twh", ColumnType::Float64, "The same, best guess, TWh."),
        Column::required("total_twh_upper", ColumnType::Float64, "The same, at most, TWh."),
        Column::optional(
            "height",
            ColumnType::Int64,
            "The last height of the day or before; null where hash rates are from reference.hash_rates.",
        ),
        Column::required(
            "hash_rate_ths",
            ColumnType::Float64,
            "Hash rate, TH/s; 0 where nothing is hashed.",
        ),
        Column::required(
            "hash_rate_from",
            ColumnType::Text,
            "chain, reference (the table hash_rates), or carried: what it was on the day before, for that day has none.",
        ),
        Column::required("revenue", ColumnType::Float64, "What miners got, whole coins."),
        Column::required(
            "revenue_from",
            ColumnType::Text,
            "chain, reference, carried, or subsidy: new coins only, for fees are not known.",
        ),
        Column::optional(
            "price_usd",
            ColumnType::Float64,
            "What a coin cost; null of nodes, whose power does not depend on it.",
        ),
        Column::optional("price_day", ColumnType::Time, "The day from which that price is."),
        Column::optional(
            "threshold_j_per_gh",
            ColumnType::Float64,
            "A machine pays for its electricity if it takes less a hash, J/GH, mean of some days; null if the method does not ask.",
        ),
        Column::optional(
            "machines",
            ColumnType::Int64,
            "Models that do; null if the method does not ask.",
        ),
        Column::optional(
            "era",
            ColumnType::Text,
            "The kinds of machines among them: cpu, gpu, fpga, asic.",
        ),
        Column::optional(
            "efficiency_j_per_gh_lower",
            ColumnType::Float64,
            "Of the most efficient of them, J/GH.",
        ),
        Column::optional("efficiency_j_per_gh", ColumnType::Float64, "Of their mean, J/GH."),
        Column::optional(
            "efficiency_j_per_gh_upper",
            ColumnType::Float64,
            "Of the least efficient of them, J/GH.",
        ),
        Column::required(
            "is_carried",
            ColumnType::Boolean,
            "Whether no machine pays for its electricity, so that power is what it was on the day before.",
        ),
        Column::required(
            "parameters",
            ColumnType::Text,
            "The parameters, each with its lower, best and upper value, as JSON.",
        ),
        Column::required(
            "reference",
            ColumnType::Text,
            "What tells this state of the tables of the schema reference from others.",
        ),
    ],
};

/// Emissions.
pub const EMISSIONS_DAILY: DerivedTable = DerivedTable {
    name: "emissions_daily",
    doc: "One row per chain, method and day: what the electricity emits that the chain draws, by where it is mined.",
    key: &["chain", "method", "day"],
    columns: &[
        Column::required("chain", ColumnType::Text, "Name of the chain."),
        Column::required(
            "method",
            ColumnType::Text,
            "Name and version of the method of its power.",
        ),
        Column::required("day", ColumnType::Time, "When the day begins, UTC."),
        Column::required(
            "g_co2e_per_kwh",
            ColumnType::Float64,
            "What a kWh emits, mean of the countries by their shares of mining, g.",
        ),
        Column::required(
            "shares_month",
            ColumnType::Time,
            "The month of which those shares are: the last before the day that is known, or the first.",
        ),
        Column::required(
            "known_share",
            ColumnType::Float64,
            "The share of mining in countries that are known; the rest counts with the mean of the world.",
        ),
        Column::required(
            "annual_mt_co2e_lower",
            ColumnType::Float64,
            "Emissions of a year at the power of the day, at least, million tonnes of CO2 equivalents.",
        ),
        Column::required("annual_mt_co2e", ColumnType::Float64, "The same, best guess."),
        Column::required("annual_mt_co2e_upper", ColumnType::Float64, "The same, at most."),
        Column::required(
            "total_mt_co2e_lower",
            ColumnType::Float64,
            "Emissions of all days up to this one, at least, million tonnes.",
        ),
        Column::required("total_mt_co2e", ColumnType::Float64, "The same, best guess."),
        Column::required("total_mt_co2e_upper", ColumnType::Float64, "The same, at most."),
    ],
};
