//! The audit log as a table: `system.audit`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Builder, ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;

use super::MAX_LINE_BYTES;
use super::entry::Line;

/// Lines in one batch.
const BATCH_LINES: usize = 1_024;
/// Batches that wait for their reader.
const BATCHES_AHEAD: usize = 2;

/// What `system` has beyond what the query layer has: the audit log, read anew by each statement.
#[derive(Debug)]
pub(crate) struct AuditTable {
    path: PathBuf,
}

impl AuditTable {
    /// Schema and name of the table.
    pub(crate) const SCHEMA: &str = "system";
    /// Name within the schema.
    pub(crate) const NAME: &str = "audit";

    /// What one row is.
    pub(crate) const DOC: &str = "A statement, an export or a login that failed; for operators.";

    /// The log at `path`.
    pub(crate) fn new(path: &Path) -> AuditTable {
        AuditTable { path: path.to_owned() }
    }

    /// Its columns, and what they hold.
    pub(crate) fn columns() -> [(&'static str, DataType, &'static str); 16] {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let list = DataType::new_list(DataType::Utf8, true);
        [
            ("sequence", DataType::Int64, "Number of the line, from 1."),
            ("time", time, "When it was written."),
            ("event", DataType::Utf8, "statement, export, login (one that failed) or repair."),
            ("user", DataType::Utf8, "Who asked."),
            ("role", DataType::Utf8, "Their role."),
            ("protocol", DataType::Utf8, "By which protocol."),
            ("peer", DataType::Utf8, "From which address."),
            ("application", DataType::Utf8, "What their program calls itself."),
            ("statement", DataType::Utf8, "Text of the statement; of a long one its beginning."),
            ("statement_sha256", DataType::Utf8, "SHA-256 of a text that is not kept whole."),
            ("parameters", list, "What its parameters stood for."),
            ("format", DataType::Utf8, "Of an export, in what form."),
            ("duration_ms", DataType::Int64, "From asking until the end, milliseconds."),
            ("rows", DataType::Int64, "Rows that were delivered."),
            ("outcome", DataType::Utf8, "done, failed, cancelled, timed_out or refused."),
            ("reason", DataType::Utf8, "Why it was not done."),
        ]
    }

    /// Its columns, as the engine has them.
    pub(crate) fn fields() -> Vec<Field> {
        let field = |(name, kind, _)| Field::new(name, kind, true);
        AuditTable::columns().map(field).to_vec()
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(AuditTable::fields()))
    }
}

#[async_trait]
impl SchemaProvider for AuditTable {
    fn table_names(&self) -> Vec<String> {
        vec![AuditTable::NAME.to_owned()]
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name != AuditTable::NAME {
            return Ok(None);
        }
        let lines = Lines { path: self.path.clone(), schema: AuditTable::schema() };
        let table = StreamingTable::try_new(AuditTable::schema(), vec![Arc::new(lines)])?;
        Ok(Some(Arc::new(table)))
    }

    fn table_exist(&self, name: &str) -> bool {
        name == AuditTable::NAME
    }
}

#[derive(Debug)]
struct Lines {
    path: PathBuf,
    schema: SchemaRef,
}

impl PartitionStream for Lines {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&schema), BATCHES_AHEAD);
        let (path, sender) = (self.path.clone(), builder.tx());
        builder.spawn_blocking(move || {
            let mut reader = BufReader::new(File::open(&path)?);
            while let Some(batch) = read_batch(&mut reader, &schema)? {
                if sender.blocking_send(Ok(batch)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// The next lines; `None` at the end, and at a line that is being written.
fn read_batch(reader: &mut impl BufRead, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
    let mut lines = Vec::new();
    let mut text = Vec::new();
    while lines.len() < BATCH_LINES {
        text.clear();
        reader.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            break;
        }
        let line: Line = serde_json::from_slice(&text).map_err(|error| {
            DataFusionError::Execution(format!(
                "the audit log has a line that is no entry ({error}): `assay audit verify` finds it"
            ))
        })?;
        lines.push(line);
    }
    if lines.is_empty() { Ok(None) } else { Ok(Some(to_batch(&lines, schema)?)) }
}

fn to_batch(lines: &[Line], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut time = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    let mut parameters = ListBuilder::new(StringBuilder::new());
    for line in lines {
        let micros =
            arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(&line.entry.time);
        time.append_option(micros.ok().map(|nanos| nanos / 1_000));
        for value in &line.entry.parameters {
            parameters.values().append_value(value);
        }
        parameters.append(true);
    }
    let text = |value: fn(&Line) -> Option<&str>| -> ArrayRef {
        let mut column = StringBuilder::new();
        lines.iter().for_each(|line| column.append_option(value(line)));
        Arc::new(column.finish())
    };
    let number = |value: fn(&Line) -> u64| -> ArrayRef {
        let mut column = Int64Builder::new();
        lines.iter().for_each(|line| column.append_option(i64::try_from(value(line)).ok()));
        Arc::new(column.finish())
    };
    let columns: Vec<ArrayRef> = vec![
        number(|line| line.sequence),
        Arc::new(time.finish()),
        text(|line| Some(line.entry.event.name())),
        text(|line| Some(&line.entry.user)),
        text(|line| Some(&line.entry.role)),
        text(|line| Some(&line.entry.protocol)),
        text(|line| Some(&line.entry.peer)),
        text(|line| line.entry.application.as_deref()),
        text(|line| line.entry.statement.as_deref()),
        text(|line| line.entry.statement_sha256.as_deref()),
        Arc::new(parameters.finish()),
        text(|line| line.entry.format.as_deref()),
        number(|line| line.entry.duration_ms),
        number(|line| line.entry.rows),
        text(|line| Some(line.entry.outcome.name())),
        text(|line| line.entry.reason.as_deref()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
