//! A scan of Parquet files of a lake.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{Result, Statistics, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

/// Files of the same schema, and what is known of them.
pub(super) struct ParquetScan {
    /// The store that they are in.
    pub(super) url: ObjectStoreUrl,
    pub(super) schema: SchemaRef,
    pub(super) files: Vec<PartitionedFile>,
    /// Of all of them.
    pub(super) statistics: Statistics,
    /// In which order the rows of consecutive files come.
    pub(super) order: Vec<LexOrdering>,
}

/// The file at `path`, which never changes under its name: the cache of Parquet footers need not look.
pub(super) fn file(path: String, bytes: u64) -> PartitionedFile {
    PartitionedFile::new_from_meta(ObjectMeta {
        location: Path::from(path),
        last_modified: Default::default(),
        size: bytes,
        e_tag: None,
        version: None,
    })
}

impl ParquetScan {
    /// The plan that reads them, in as many parts as the session wants.
    pub(super) fn plan(
        self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            let schema = project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let runtime = state.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&self.url)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let options = state.default_table_options().parquet;
        let source = ParquetSource::new(self.schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let runs = into_runs(self.files, state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.url, Arc::new(source))
            .with_file_groups(runs)
            .with_statistics(self.statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(self.order)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Cuts `files` into at most `count` runs of about the same size.
fn into_runs(files: Vec<PartitionedFile>, count: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(|file| file.object_meta.size).sum();
    let mut runs: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut before = 0;
    for file in files {
        let run = (u128::from(before) * count as u128 / u128::from(total.max(1))) as usize;
        before += file.object_meta.size;
        if runs.len() <= run || runs.is_empty() {
            runs.push(Vec::new());
        }
        runs.last_mut().expect("one was pushed if there was none").push(file);
    }
    runs.into_iter().map(FileGroup::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(files: &[u64], count: usize) -> Vec<Vec<u64>> {
        let files = files.iter().map(|size| PartitionedFile::new("f", *size)).collect();
        into_runs(files, count)
            .iter()
            .map(|run| run.iter().map(|file| file.object_meta.size).collect())
            .collect()
    }

    #[test]
    fn runs_keep_the_order_and_share_the_bytes() {
        assert_eq!(sizes(&[1, 2, 3, 4, 5, 6], 2), [vec![1, 2, 3, 4, 5], vec![6]]);
        assert_eq!(sizes(&[5, 5, 5, 5], 2), [vec![5, 5], vec![5, 5]]);
        assert_eq!(sizes(&[9, 1, 1], 3), [vec![9], vec![1], vec![1]]);
        assert_eq!(sizes(&[0, 0], 4), [vec![0, 0]]);
        assert_eq!(sizes(&[7], 4), [vec![7]]);
    }
}
