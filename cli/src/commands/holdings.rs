//! `assay holdings`: how unequally an asset is held, as the UN report E/CN.16/2021/3 quotes it.

use std::io::Write;

use anyhow::bail;
use assay_query::analyses::holdings::{self, At, Bracket, Holdings, Question};
use assay_query::{Asset, Session};
use serde_json::{Value, json};

use crate::args::{Basis, HoldingsArgs, ReportFormat};
use crate::config::Config;
use crate::exit::Outcome;
use crate::human;
use crate::output::table::Table;
use crate::output::target::Target;

/// The numbers of the richest whose share is told.
const TOP: [u64; 4] = [10, 100, 1_000, 10_000];
/// The parts of the richest whose share is told, percent.
const TOP_PERCENT: [u32; 3] = [1, 3, 10];

/// `assay holdings`.
pub async fn run(config: &Config, args: &HoldingsArgs) -> anyhow::Result<Outcome> {
    let asset = match &args.asset {
        Some(name) => Asset::named(name)?,
        None => Asset::Coin(args.chain.chain()),
    };
    if args.basis == Basis::Address && args.entities.is_some() {
        bail!("--entities says whose addresses are: it goes with --basis entity");
    }
    let session = Session::open(config.session_options()?).await?;
    let question = Question {
        decimals: args.decimals.unwrap_or_else(|| asset.decimals()),
        asset,
        at: args.at.unwrap_or(At::Now),
        entities: args.entities.clone(),
    };
    let work = async { anyhow::Ok(holdings::at(&session, &question).await?) };
    let holdings = super::interrupt::unless_interrupted(work).await?;
    let mut target = Target::stdout();
    match args.format {
        ReportFormat::Table => print(&holdings, &mut target)?,
        ReportFormat::Json => writeln!(target, "{:#}", in_json(&holdings))?,
    }
    target.finish()?;
    Ok(Outcome::Done)
}

fn print(holdings: &Holdings, out: &mut Target) -> anyhow::Result<()> {
    let unit = holdings.asset.unit();
    writeln!(
        out,
        "{} by {} at height {} ({}): {}, {} {unit}",
        holdings.asset,
        holdings.basis,
        holdings.height,
        human::moment(holdings.time),
        human::counted(holdings.holders, "holder"),
        coins(holdings, holdings.held),
    )?;
    if let Some(missing) = &holdings.missing {
        writeln!(out, "Balances are not whole: {missing} are missing.")?;
    }
    if holdings.holders == 0 {
        return Ok(());
    }
    writeln!(out)?;
    let mut table =
        Table::of_text(&[unit, "holders", "share of holders", unit, "share held"], &mut *out);
    for bracket in holdings.brackets.iter().skip_while(|bracket| bracket.holders == 0) {
        table.push(vec![
            range(bracket),
            human::count(bracket.holders),
            percent(bracket.holders as f64 / holdings.holders as f64),
            coins(holdings, bracket.amount),
            percent(bracket.amount as f64 / holdings.held as f64),
        ]);
    }
    table.print()?;
    writeln!(out)?;
    if let Some((power, share)) = holdings.half_hold_less_than() {
        let all = if holdings.basis == "entity" { "entities" } else { "addresses" };
        writeln!(out, "{} of all {all} hold < {} {unit}.", percent(share), whole(power))?;
    }
    for share in TOP_PERCENT {
        if let Some(held) = holdings.top_fraction_share(f64::from(share) / 100.0) {
            writeln!(out, "The richest {share} % of them hold {}.", percent(held))?;
        }
    }
    for count in TOP.into_iter().filter(|count| *count <= holdings.holders) {
        if let Some(held) = holdings.top_share(count) {
            writeln!(out, "The richest {} hold {}.", human::count(count), percent(held))?;
        }
    }
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    writeln!(
        out,
        "Gini {}, Theil {}, HHI {} ({} of 10,000), Nakamoto {}.",
        number(holdings.gini()),
        number(holdings.theil()),
        number(holdings.hhi()),
        holdings.hhi().map_or("-".to_owned(), |hhi| format!("{:.1}", hhi * 10_000.0)),
        holdings.nakamoto(0.5).map_or("-".to_owned(), human::count),
    )?;
    Ok(())
}

fn in_json(holdings: &Holdings) -> Value {
    let brackets = holdings.brackets.iter().map(|bracket| {
        json!({
            "from_coins": bracket.from_power.map_or(0.0, |power| 10f64.powi(power)),
            "to_coins": bracket.to_power.map(|power| 10f64.powi(power)),
            "holders": bracket.holders,
            "holders_share": bracket.holders as f64 / holdings.holders as f64,
            "amount": bracket.amount.to_string(),
            "held_share": bracket.amount as f64 / holdings.held as f64,
        })
    });
    let top = TOP.map(|count| json!({ "count": count, "share": holdings.top_share(count) }));
    let percent = TOP_PERCENT.map(|percent| {
        json!({ "percent": percent, "share": holdings.top_fraction_share(f64::from(percent) / 100.0) })
    });
    json!({
        "asset": holdings.asset.to_string(),
        "basis": holdings.basis,
        "decimals": holdings.decimals,
        "height": holdings.height,
        "time": human::moment(holdings.time),
        "holders": holdings.holders,
        "held": holdings.held.to_string(),
        "missing": holdings.missing,
        "brackets": brackets.collect::<Value>(),
        "gini": holdings.gini(),
        "theil": holdings.theil(),
        "hhi": holdings.hhi(),
        "nakamoto": holdings.nakamoto(0.5),
        "top": top,
        "top_percent": percent,
    })
}

/// Between what and what a bracket is: `[0.01, 0.1)`.
fn range(bracket: &Bracket) -> String {
    match (bracket.from_power, bracket.to_power) {
        (None, Some(to)) => format!("(0, {})", whole(to)),
        (Some(from), Some(to)) => format!("[{}, {})", whole(from), whole(to)),
        (Some(from), None) => format!("[{}, …)", whole(from)),
        (None, None) => "(0, …)".to_owned(),
    }
}

/// 10 to `power` in digits.
fn whole(power: i32) -> String {
    match u32::try_from(power) {
        Ok(power) => human::count(10u64.pow(power)),
        Err(_) => format!("0.{}1", "0".repeat((-power - 1) as usize)),
    }
}

/// Base units, none or more, in whole coins: with two decimal places, or four below one coin.
fn coins(holdings: &Holdings, amount: i128) -> String {
    let one = 10u128.pow(holdings.decimals);
    let (whole, rest) = (amount.unsigned_abs() / one, amount.unsigned_abs() % one);
    let part = rest as f64 / one as f64;
    match (whole, rest) {
        (0, 0) => "0".to_owned(),
        (0, _) => format!("{part:.4}"),
        // Cut, not rounded: what is not there is not shown.
        _ => format!("{}.{:02}", human::count(whole), (part * 100.0) as u8),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
