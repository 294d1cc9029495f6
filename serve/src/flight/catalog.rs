//! What there is: catalogs, schemas, tables, and what the server can do.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables, SqlInfo, SqlSupportedTransaction};
use assay_query::described_tables;
use futures::TryStreamExt;

use crate::ServeError;
use crate::service::{Ask, Caller, Service};

/// The one catalog.
pub(super) const CATALOG: &str = "assay";
/// What stands behind names.
pub(super) const TABLE_TYPES: [&str; 2] = ["BASE TABLE", "VIEW"];
/// Asked for whoever asks what there is: it lists what they may read.
const TABLES: &str = "select table_schema, table_name, table_type from information_schema.tables \
                      order by table_schema, table_name";

/// What the server says about itself.
pub(super) static INFO: LazyLock<SqlInfoData> = LazyLock::new(|| {
    let mut info = SqlInfoDataBuilder::new();
    info.append(SqlInfo::FlightSqlServerName, "assay");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    info.append(SqlInfo::FlightSqlServerReadOnly, true);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(SqlInfo::FlightSqlServerCancel, false);
    let none = SqlSupportedTransaction::None as i32;
    info.append(SqlInfo::FlightSqlServerTransaction, none);
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, false);
    info.build().expect("one value of each kind that the builder knows")
});

/// A table that can be named.
struct Named {
    schema: String,
    name: String,
    kind: String,
}

async fn tables(service: &Arc<Service>, caller: &Caller) -> Result<Vec<Named>, ServeError> {
    let statement = service.session().statements(TABLES)?.remove(0);
    let answer = service.run(caller, Ask::query(statement, TABLES)).await?;
    let batches: Vec<RecordBatch> = answer.try_collect().await?;
    let mut tables = Vec::new();
    for batch in &batches {
        let texts = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
        let texts: Vec<_> = texts
            .collect::<Result<_, _>>()
            .map_err(|error| ServeError::Internal(error.to_string()))?;
        let text = |column: usize, row| texts[column].as_string::<i32>().value(row).to_owned();
        tables.extend((0..batch.num_rows()).map(|row| Named {
            schema: text(0, row),
            name: text(1, row),
            kind: text(2, row),
        }));
    }
    Ok(tables)
}

/// The schemas that `command` asks for.
pub(super) async fn schemas(
    service: &Arc<Service>,
    caller: &Caller,
    command: CommandGetDbSchemas,
) -> Result<RecordBatch, ServeError> {
    let tables = tables(service, caller).await?;
    let schemas: BTreeSet<_> = tables.into_iter().map(|table| table.schema).collect();
    let mut builder = command.into_builder();
    for schema in schemas {
        builder.append(CATALOG, schema);
    }
    builder.build().map_err(|error| ServeError::Internal(error.to_string()))
}

/// The tables that `command` asks for.
pub(super) async fn tables_of(
    service: &Arc<Service>,
    caller: &Caller,
    command: CommandGetTables,
) -> Result<RecordBatch, ServeError> {
    let failed = |error: arrow_flight::error::FlightError| ServeError::Internal(error.to_string());
    let mut builder = command.into_builder();
    for table in tables(service, caller).await? {
        let described = described_tables()
            .iter()
            .find(|known| known.schema == table.schema && known.name == table.name);
        let columns = described.map(|known| {
            Schema::new(known.columns.iter().map(|column| column.field()).collect::<Vec<_>>())
        });
        let columns = columns.unwrap_or_else(Schema::empty);
        builder.append(CATALOG, table.schema, table.name, table.kind, &columns).map_err(failed)?;
    }
    builder.build().map_err(failed)
}

/// Primary keys: tables say none.
pub(super) fn primary_keys() -> RecordBatch {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    RecordBatch::new_empty(Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ])))
}
