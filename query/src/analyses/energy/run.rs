//! A run: what a chain burns, kept in `analytics.energy_daily` and `analytics.emissions_daily`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use assay_model::BlockHash;
use assay_model::derived::{DerivedTable, EMISSIONS_DAILY, ENERGY_DAILY, Manifest, VERSION};
use sha2::{Digest, Sha256};

use super::estimate::{Estimate, Options, estimate};
use super::{METHOD, rows};
use crate::analyses::series::Writer;
use crate::{QueryError, Session};

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Rows of `analytics.energy_daily`, of all methods.
    pub rows: u64,
    /// The last height that they rest on; `None` if hash rates are from `reference.hash_rates`.
    pub height: Option<u64>,
    /// Whether nothing had changed since the last run, so that nothing was written.
    pub is_same: bool,
}

/// Computes what a chain burns, anew: the whole history takes seconds, and each new price or machine may
/// change all of it.
///
/// # Errors
///
/// As [`estimate`], or if files cannot be written, or another process is at it.
pub async fn run(session: &Session, options: &Options) -> Result<Summary, QueryError> {
    let writer = Writer::open(session.results())?;
    let estimate = estimate(session, options).await?;
    let series = writer.series(&format!("energy-{}", estimate.chain))?;
    let mut manifest = manifest(&estimate);
    let before = series.manifest()?;
    let is_same = before.as_ref().is_some_and(|before| {
        (before.height, before.hash, &before.method, &before.parameters)
            == (manifest.height, manifest.hash, &manifest.method, &manifest.parameters)
    });
    let height = estimate.height();
    if let Some(before) = before.filter(|_| is_same) {
        let rows = before.files.get(ENERGY_DAILY.name).map_or(0, |file| file.rows);
        return Ok(Summary { rows, height, is_same });
    }
    let tables: [(&DerivedTable, Result<RecordBatch, ArrowError>); 2] =
        [(&ENERGY_DAILY, rows::energy(&estimate)), (&EMISSIONS_DAILY, rows::emissions(&estimate))];
    let named_by = fingerprint(&manifest);
    let mut count = 0;
    for (table, rows) in tables {
        let rows = rows.map_err(|error| QueryError::Engine(error.to_string()))?;
        count = count.max(rows.num_rows() as u64);
        let mut writer = series.table_writer(table, manifest.height, named_by)?;
        writer.write(&rows)?;
        manifest.files.insert(table.name.to_owned(), writer.finish()?);
    }
    series.commit(manifest, None::<fn(&mut BufWriter<File>) -> io::Result<()>>)?;
    Ok(Summary { rows: count, height, is_same })
}

/// What files are named by: as a block's hash tells what a series rests on that depends on the chain alone,
/// this tells it of one that depends on parameters, so that no file changes under its name.
fn fingerprint(manifest: &Manifest) -> BlockHash {
    let mut hash = Sha256::new();
    hash.update(manifest.hash.0);
    for (name, value) in &manifest.parameters {
        hash.update(format!("{name}={value}\n"));
    }
    BlockHash(hash.finalize().into())
}

fn manifest(estimate: &Estimate) -> Manifest {
    // Where hash rates are from a table, what tells that from others is among the parameters.
    let (height, hash) = estimate.gathered.block.unwrap_or((0, BlockHash([0; 32])));
    let days = &estimate.gathered.facts.days;
    let last = days.last().map_or(0, |day| day.day);
    let changed = estimate
        .parameters
        .iter()
        .map(|(name, b)| (name.to_owned(), format!("{} {} {}", b.lower, b.best, b.upper)));
    let mut parameters: BTreeMap<String, String> = changed.collect();
    parameters.insert("reference".to_owned(), estimate.reference.clone());
    parameters.insert("last day".to_owned(), last.to_string());
    Manifest {
        version: VERSION,
        method: METHOD.to_owned(),
        chain: estimate.chain,
        from: estimate.gathered.from,
        height,
        hash,
        parameters,
        files: BTreeMap::new(),
        state: None,
    }
}
