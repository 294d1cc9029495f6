//! The course of an analysis, from where its last run ended: what there is of it, and what is added.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use assay_model::Chain;
use assay_model::derived::{DerivedTable, Manifest, VERSION};

use super::chain::block_hash;
use super::series::{Series, TableWriter, Writer};
use crate::{QueryError, Session};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Height at which it began.
    pub from: u64,
    /// Height up to which it is done.
    pub height: u64,
    /// Height at which it will end.
    pub to: u64,
}

/// What the rows of a series depend on.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Name of the series.
    pub(super) name: String,
    /// Name and version of the method: it changes whenever a row could.
    pub(super) method: &'static str,
    pub(super) chain: Chain,
    /// First height of the chain.
    pub(super) from: u64,
    /// Everything else.
    pub(super) parameters: BTreeMap<String, String>,
    /// The tables that it fills.
    pub(super) tables: &'static [&'static DerivedTable],
}

/// A series on its course.
pub(super) struct Course<'a> {
    session: &'a Session,
    pub(super) subject: Subject,
    writer: Writer,
    /// What the last run left.
    before: Option<Manifest>,
    anew: Option<String>,
    /// Rows that are yet to be committed, by table.
    pending: Vec<Vec<RecordBatch>>,
}

impl<'a> Course<'a> {
    /// Goes to where the last run ended, if that is still on the chain and was computed in the same way.
    pub(super) async fn open(
        session: &'a Session,
        subject: Subject,
    ) -> Result<Course<'a>, QueryError> {
        let writer = Writer::open(session.results())?;
        let before = writer.series(&subject.name)?.manifest()?;
        let mut course =
            Course { session, subject, writer, before, anew: None, pending: Vec::new() };
        let Some(before) = &course.before else { return Ok(course) };
        let subject = &course.subject;
        let is_same = before.method == subject.method
            && before.from == subject.from
            && before.parameters == subject.parameters;
        if !is_same {
            let reason = "it was computed by another method or of other blocks";
            course.start_anew(reason.to_owned());
        } else if block_hash(session, subject.chain, before.height).await? != Some(before.hash) {
            let reason = format!("block {} is not the one that it was", before.height);
            course.start_anew(reason);
        }
        Ok(course)
    }

    /// Forgets what the last run left.
    pub(super) fn start_anew(&mut self, reason: String) {
        self.before = None;
        self.anew = Some(reason);
    }

    /// Why everything is computed anew; `None` if it is not, or there was nothing before.
    pub(super) fn anew(&self) -> Option<&str> {
        self.anew.as_deref()
    }

    /// The last height that committed rows rest on.
    pub(super) fn height(&self) -> Option<u64> {
        self.before.as_ref().map(|before| before.height)
    }

    /// The committed rows of the first table.
    pub(super) fn rows(&self) -> Result<Option<RecordBatch>, QueryError> {
        let series = self.series()?;
        let table = self.subject.tables[0];
        self.before.as_ref().map(|before| series.rows(before, table)).transpose()
    }

    /// The file that the next run goes on from, if there is one.
    pub(super) fn state(&self) -> Result<Option<(PathBuf, BufReader<File>)>, QueryError> {
        let Some(before) = &self.before else { return Ok(None) };
        let series = self.series()?;
        let path = before.state.as_deref().map(|name| series.path(name));
        path.map(|path| Ok((path.clone(), super::series::open(&path)?))).transpose()
    }

    /// Adds rows to each table, in their order.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = RecordBatch>) {
        self.pending.resize(self.subject.tables.len(), Vec::new());
        self.pending.iter_mut().zip(rows).for_each(|(all, rows)| all.push(rows));
    }

    /// Makes all rows up to `height` be seen, with what the next run goes on from, if it needs anything.
    pub(super) async fn commit(
        &mut self,
        height: u64,
        state: Option<impl FnOnce(&mut BufWriter<File>) -> io::Result<()>>,
    ) -> Result<(), QueryError> {
        let mut manifest = self.manifest(height).await?;
        let series = self.series()?;
        for (table, added) in self.subject.tables.iter().zip(&self.pending) {
            let rows = self.with_those_before(&series, table, added)?;
            let mut writer = series.table_writer(table, height, manifest.hash)?;
            writer.write(&rows)?;
            manifest.files.insert(table.name.to_owned(), writer.finish()?);
        }
        let manifest = series.commit(manifest, state)?;
        self.before = Some(manifest);
        self.pending.clear();
        Ok(())
    }

    /// Writes rows of `table` as of `height` that will take the place of all that there are.
    pub(super) async fn table_writer(
        &self,
        table: &DerivedTable,
        height: u64,
    ) -> Result<TableWriter, QueryError> {
        let hash = self.manifest(height).await?.hash;
        self.series()?.table_writer(table, height, hash)
    }

    /// Makes the rows of `writer` be all that `table` has, as of `height`.
    pub(super) async fn replace(
        &mut self,
        table: &DerivedTable,
        writer: TableWriter,
        height: u64,
    ) -> Result<(), QueryError> {
        let mut manifest = self.manifest(height).await?;
        manifest.files.insert(table.name.to_owned(), writer.finish()?);
        let nothing = None::<fn(&mut BufWriter<File>) -> io::Result<()>>;
        self.before = Some(self.series()?.commit(manifest, nothing)?);
        Ok(())
    }

    /// A manifest as of `height`, without files yet.
    async fn manifest(&self, height: u64) -> Result<Manifest, QueryError> {
        let chain = self.subject.chain;
        let hash = block_hash(self.session, chain, height).await?;
        Ok(Manifest {
            version: VERSION,
            method: self.subject.method.to_owned(),
            chain,
            from: self.subject.from,
            height,
            hash: hash.ok_or(QueryError::Reorganised { chain: chain.name() })?,
            parameters: self.subject.parameters.clone(),
            files: BTreeMap::new(),
            state: None,
        })
    }

    /// The rows of a table that there were, and those that were added.
    fn with_those_before(
        &self,
        series: &Series<'_>,
        table: &DerivedTable,
        added: &[RecordBatch],
    ) -> Result<RecordBatch, QueryError> {
        let old = self.before.as_ref().map(|before| series.rows(before, table)).transpose()?;
        concat_batches(&table.schema(), old.iter().chain(added))
            .map_err(|error| QueryError::Engine(error.to_string()))
    }

    fn series(&self) -> Result<Series<'_>, QueryError> {
        self.writer.series(&self.subject.name)
    }
}
