//! `assay energy`: what a chain burns, by year.

use std::io::Write;

use anyhow::bail;
use assay_query::analyses::energy::{
    Bounds, Comparison, Estimate, Options, Year, comparisons, estimate,
};
use assay_query::{Session, SessionOptions};
use serde_json::{Value, json};

use crate::args::{EnergyArgs, ReportFormat};
use crate::config::Config;
use crate::exit::Outcome;
use crate::output::table::Table;
use crate::output::target::Target;

/// Countries that are named beside the one that used about as much.
const NEIGHBOURS: usize = 2;

/// `assay energy`.
pub async fn run(config: &Config, args: &EnergyArgs) -> anyhow::Result<Outcome> {
    let session =
        Session::open(SessionOptions { needs_chain: false, ..config.session_options()? }).await?;
    let options = Options {
        chain: args.chain.chain(),
        confirmations: args.confirmations,
        changes: args.set.clone(),
    };
    let work = async { anyhow::Ok(estimate(&session, &options).await?) };
    let estimate = super::interrupt::unless_interrupted(work).await?;
    let mut years = estimate.years();
    if let Some(year) = args.year {
        years.retain(|known| known.year == year);
        if years.is_empty() {
            bail!("there is no estimate of {} in {year}", options.chain);
        }
    }
    let mut target = Target::stdout();
    match (args.format, args.year) {
        (ReportFormat::Json, _) => {
            writeln!(target, "{:#}", in_json(&estimate, &options, &years))?;
        }
        (ReportFormat::Table, None) => print_years(&estimate, &options, &years, &mut target)?,
        (ReportFormat::Table, Some(year)) => {
            let countries = comparisons(&session, year).await?;
            print_year(&estimate, &options, &years, &countries, &mut target)?;
        }
    }
    target.finish()?;
    Ok(Outcome::Done)
}

fn print_years(
    estimate: &Estimate,
    options: &Options,
    years: &[Year],
    out: &mut Target,
) -> anyhow::Result<()> {
    writeln!(out, "What {} burnt{}", options.chain, changed(options))?;
    writeln!(out)?;
    let names =
        ["year", "method", "days", "TWh", "at least", "at most", "90 % of guesses", "MtCO2e"];
    let mut table = Table::of_text(&names, &mut *out);
    for year in years {
        table.push(vec![
            year.year.to_string(),
            year.method.to_owned(),
            year.days.to_string(),
            figure(year.twh.best),
            figure(year.twh.lower),
            figure(year.twh.upper),
            year.interval_twh
                .map_or("-".to_owned(), |(l, h)| format!("{} to {}", figure(l), figure(h))),
            figure(year.mt_co2e.best),
        ]);
    }
    table.print()?;
    writeln!(out)?;
    print_limits(estimate, years, out)
}

fn print_year(
    estimate: &Estimate,
    options: &Options,
    years: &[Year],
    countries: &[Comparison],
    out: &mut Target,
) -> anyhow::Result<()> {
    for (place, year) in years.iter().enumerate() {
        if place > 0 {
            writeln!(out, "By the method {}: {}.", year.method, bounds(year.twh, "TWh"))?;
            continue;
        }
        writeln!(
            out,
            "{} burnt {} in {}{}.",
            options.chain,
            bounds(year.twh, "TWh"),
            year.year,
            changed(options)
        )?;
        if let Some((low, high)) = year.interval_twh.filter(|(low, high)| low < high) {
            let (low, high) = (figure(low), figure(high));
            writeln!(
                out,
                "90 % of the guesses that uncertain parameters lead to are between {low} and {high} TWh."
            )?;
        }
        writeln!(
            out,
            "That emitted {}.",
            bounds(year.mt_co2e, "million tonnes of CO2 equivalents")
        )?;
        if year.days < 365 {
            writeln!(out, "These are {} days of the year.", year.days)?;
        }
        print_countries(year, countries, out)?;
    }
    writeln!(out)?;
    print_limits(estimate, years, out)?;
    writeln!(out)?;
    let mut table = Table::of_text(&["parameter", "lower", "best", "upper"], &mut *out);
    for (name, value) in estimate.parameters().iter() {
        let cells = [value.lower, value.best, value.upper].map(|value| value.to_string());
        table.push([&[name.to_owned()], &cells[..]].concat());
    }
    Ok(table.print()?)
}

/// Names the countries that used about as much.
fn print_countries(year: &Year, countries: &[Comparison], out: &mut Target) -> anyhow::Result<()> {
    let place = countries.partition_point(|country| country.twh > year.twh.best);
    let near = place.saturating_sub(NEIGHBOURS)..(place + NEIGHBOURS).min(countries.len());
    let told = countries[near].iter().map(|country| {
        let share = 100.0 * year.twh.best / country.twh;
        format!(
            "{share:.0} % of {} ({} TWh in {})",
            country.country,
            figure(country.twh),
            country.year
        )
    });
    let told: Vec<_> = told.collect();
    if !told.is_empty() {
        writeln!(out, "That is, of the electricity that countries used: {}.", told.join(", "))?;
    }
    Ok(())
}

fn print_limits(estimate: &Estimate, years: &[Year], out: &mut Target) -> anyhow::Result<()> {
    let sum = |days: fn(&Year) -> usize| -> usize {
        let first = years.first().map(|year| year.method);
        years.iter().filter(|year| Some(year.method) == first).map(days).sum()
    };
    let carried = sum(|year| year.carried_days);
    let without_blocks = sum(|year| year.days_without_blocks);
    let without_fees = sum(|year| year.days_without_fees);
    if carried > 0 {
        writeln!(
            out,
            "On {carried} days something is what it was on the day before: see hash_rate_from and is_carried in analytics.energy_daily."
        )?;
    }
    if without_fees > 0 {
        writeln!(out, "On {without_fees} days fees are not known: revenue is new coins alone.")?;
    }
    if without_blocks > 0 {
        writeln!(
            out,
            "On {without_blocks} days hash rates are from reference.hash_rates, not from blocks."
        )?;
    }
    writeln!(
        out,
        "Estimates, no measurements: docs/energy.md tells how they come about, and what they do not know. Reference tables: {}.",
        estimate.reference()
    )?;
    Ok(())
}

/// What was changed of the parameters.
fn changed(options: &Options) -> String {
    let changes: Vec<_> =
        options.changes.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if changes.is_empty() { String::new() } else { format!(", if {}", changes.join(" and ")) }
}

fn bounds(value: Bounds, unit: &str) -> String {
    let [lower, best, upper] = [value.lower, value.best, value.upper].map(figure);
    format!("{best} {unit} (at least {lower}, at most {upper})")
}

/// A figure with three digits or so: more would say more than is known.
fn figure(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        0.001.. => format!("{value:.4}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

fn in_json(estimate: &Estimate, options: &Options, years: &[Year]) -> Value {
    let three =
        |value: Bounds| json!({"lower": value.lower, "best": value.best, "upper": value.upper});
    let years: Vec<_> = years
        .iter()
        .map(|year| {
            json!({
                "year": year.year,
                "method": year.method,
                "days": year.days,
                "twh": three(year.twh),
                "twh_90": year.interval_twh.map(|(low, high)| [low, high]),
                "mt_co2e": three(year.mt_co2e),
                "carried_days": year.carried_days,
                "days_without_blocks": year.days_without_blocks,
                "days_without_fees": year.days_without_fees,
            })
        })
        .collect();
    let parameters: serde_json::Map<String, Value> =
        estimate.parameters().iter().map(|(name, value)| (name.to_owned(), three(value))).collect();
    json!({
        "chain": options.chain.name(),
        "height": estimate.height(),
        "years": years,
        "parameters": parameters,
        "reference": estimate.reference(),
    })
}
