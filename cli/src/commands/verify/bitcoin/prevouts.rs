//! Every input against the output that it spends.
//!
//! Outputs are taken in windows of heights; each window needs a scan of the inputs above it. Memory
//! is bounded by the size of a window, time by the number of windows.

use std::ops::Range;

use indicatif::ProgressBar;

use super::queries::Queries;
use super::spends::{self, Fault, InputPlace};
use super::windows::windows;
use crate::commands::verify::check::{Check, EXAMPLES_MAX};

/// Bytes that a spent output takes while it is compared: an output's and an input's fingerprints,
/// twice because lists grow by doubling.
const BYTES_PER_OUTPUT: u64 = 2 * (24 + 40);

/// Checks the inputs of the heights that `outputs` counts the outputs of, from 0 on.
pub async fn check(
    queries: Queries<'_>,
    outputs: &[u64],
    memory_bytes: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Check> {
    let mut check = Check::new(
        "prevouts",
        "every input spends one output that exists, agrees with it, and is not spent before",
    );
    let end = outputs.len() as u64;
    for (height, spent) in queries.impossible(end).await? {
        let expected = format!("0 to {height}");
        check.differ(height as u64, format_args!("spent_height of an input"), expected, spent);
    }
    let outputs_max = memory_bytes as u64 / BYTES_PER_OUTPUT;
    for window in windows(0, outputs, outputs_max.max(1)) {
        let faults = check_window(queries, &window, end, &mut check).await?;
        for (place, fault) in faults {
            describe(queries, place, fault, &mut check).await?;
        }
        bar.inc(window.end - window.start);
    }
    Ok(check)
}

/// Checks the inputs that spend outputs of `window`; counts all faults and returns those that are
/// to be shown.
async fn check_window(
    queries: Queries<'_>,
    window: &Range<u64>,
    end: u64,
    check: &mut Check,
) -> anyhow::Result<Vec<(InputPlace, Fault)>> {
    let mut created = queries.created(window).await?;
    let mut spent = queries.spent(window, end).await?;
    check.compared += spent.len() as u64;
    let room = EXAMPLES_MAX - check.examples.len();
    let mut shown = Vec::new();
    spends::compare(&mut created, &mut spent, |place, fault| {
        if shown.len() < room {
            shown.push((place, fault));
        } else {
            check.differences += 1;
        }
    });
    Ok(shown)
}

/// Notes a fault in words, for which it looks the rows up.
async fn describe(
    queries: Queries<'_>,
    place: InputPlace,
    fault: Fault,
    check: &mut Check,
) -> anyhow::Result<()> {
    let InputPlace { height, tx_index, input_index } = place;
    let chain = queries.chain;
    let input =
        format!("height = {height} and tx_index = {tx_index} and input_index = {input_index}");
    let of_input = |columns: &str| format!("select {columns} from {chain}.inputs where {input}");
    let spent =
        queries.words(&of_input("encode(spent_txid, 'hex') || ':' || spent_output_index")).await?;
    let what = format!("input {input_index} of transaction {tx_index}, which spends {spent}");
    let height = u64::from(height);
    match fault {
        Fault::NoOutput | Fault::ManyOutputs => {
            let at = queries.words(&of_input("spent_height")).await?;
            let found = if fault == Fault::NoOutput { "none" } else { "several" };
            check.differ(
                height,
                format_args!("{what}"),
                format!("one output at height {at}"),
                found,
            );
        }
        Fault::SpentBefore(by) => {
            let found = format!(
                "spent at height {}, transaction {}, input {}",
                by.height, by.tx_index, by.input_index
            );
            check.differ(height, format_args!("{what}"), "an unspent output", found);
        }
        Fault::Disagrees => {
            let output = queries
                .words(&format!(
                    "select o.value, o.script_type, o.address, \
                     case when o.is_spendable then 'spendable' else 'unspendable' end \
                     from {chain}.outputs o join {chain}.inputs i on o.height = i.spent_height \
                     and o.txid = i.spent_txid and o.output_index = i.spent_output_index \
                     where i.height = {} and i.tx_index = {tx_index} \
                     and i.input_index = {input_index}",
                    place.height
                ))
                .await?;
            let found =
                queries.words(&of_input("value, script_type, address, 'spendable'")).await?;
            check.differ(height, format_args!("{what}"), output, found);
        }
    }
    Ok(())
}
