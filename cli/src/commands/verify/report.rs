//! What verify found, for people and for programs.

use std::io::Write;
use std::time::Duration;

use assay_model::BlockHash;
use serde::Serialize;

use super::check::Check;
use crate::args::ReportFormat;
use crate::human;
use crate::output::target::Target;
use crate::stored::StoredChain;

/// What was found in one chain.
#[derive(Debug, Serialize)]
pub struct Report {
    chain: &'static str,
    network: String,
    /// The lake's first height.
    from_height: u64,
    /// The last height that was checked; none if the lake has no block yet.
    height: Option<u64>,
    hash: Option<BlockHash>,
    checks: Vec<Check>,
    differences: u64,
    /// Why the checks of rows were not carried out.
    stopped: Option<String>,
    seconds: f64,
}

impl Report {
    /// What `checks` found in `folder`; `stopped` says why there are not more of them.
    pub fn new(
        folder: &StoredChain,
        checks: Vec<Check>,
        stopped: Option<String>,
        elapsed: Duration,
    ) -> Report {
        let last = folder.segments.last();
        Report {
            chain: folder.chain.name(),
            network: folder.info.network.clone(),
            from_height: folder.info.from,
            height: last.map(|segment| segment.heights.end - 1),
            hash: last.map(|segment| segment.info.last),
            differences: checks.iter().map(|check| check.differences).sum(),
            checks,
            stopped,
            seconds: elapsed.as_secs_f64(),
        }
    }

    /// Whether anything is not as it must be.
    pub fn differs(&self) -> bool {
        self.differences > 0
    }

    fn print(&self, out: &mut Target) -> anyhow::Result<()> {
        for check in &self.checks {
            let verdict = match check.differences {
                0 => "OK".to_owned(),
                differences => human::counted(differences, "difference"),
            };
            writeln!(out, "{:<13} {verdict:<16} {}", check.name, check.description)?;
            for example in &check.examples {
                writeln!(out, "    height {}: {}", example.height, example.what)?;
                writeln!(out, "        expected {}", example.expected)?;
                writeln!(out, "        found    {}", example.found)?;
            }
            let more = check.differences.saturating_sub(check.examples.len() as u64);
            if more > 0 && !check.examples.is_empty() {
                writeln!(out, "    and {} more", human::count(more))?;
            }
        }
        if let Some(reason) = &self.stopped {
            writeln!(out, "The rows cannot be checked: {reason}")?;
        }
        writeln!(out, "{}", self.summary())?;
        Ok(())
    }

    fn summary(&self) -> String {
        let Report { chain, network, .. } = self;
        let Some(height) = self.height else {
            return format!("{chain} {network}: no blocks yet");
        };
        let compared = self.checks.iter().map(|check| check.compared).sum();
        let elapsed = Duration::try_from_secs_f64(self.seconds).unwrap_or_default();
        let verdict = match self.differences {
            0 => "no differences".to_owned(),
            differences => human::counted(differences, "difference"),
        };
        format!(
            "{chain} {network}, heights {} to {}: {verdict} in {} ({})",
            human::count(self.from_height),
            human::count(height),
            human::counted(compared, "comparison"),
            human::duration(elapsed)
        )
    }
}

/// Writes `reports`.
pub fn write(reports: &[Report], format: ReportFormat, out: &mut Target) -> anyhow::Result<()> {
    match format {
        ReportFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(reports)?)?,
        ReportFormat::Table => {
            for (place, report) in reports.iter().enumerate() {
                if place > 0 {
                    writeln!(out)?;
                }
                report.print(out)?;
            }
        }
    }
    Ok(())
}
