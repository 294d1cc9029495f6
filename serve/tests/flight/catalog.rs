//! What there is, as Flight SQL's clients ask for it.

use arrow_flight::FlightInfo;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, SqlInfo};

use super::client::{Client, client, fetch, text};
use crate::server::{Server, Setup};

async fn lines(client: &mut Client, info: FlightInfo) -> Vec<String> {
    text(&fetch(client, info).await.expect("rows"))
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_schemas_tables_and_columns_are_told() {
    let server = Server::start(Setup::default()).await;
    let mut client = client(&server).await;
    let info = client.get_catalogs().await.expect("an answer");
    assert_eq!(lines(&mut client, info).await, ["assay"]);
    let ask = CommandGetDbSchemas {
        catalog: Some("assay".to_owned()),
        db_schema_filter_pattern: Some("bit%".to_owned()),
    };
    let info = client.get_db_schemas(ask).await.expect("an answer");
    assert_eq!(lines(&mut client, info).await, ["assay|bitcoin"]);
    let info = client.get_table_types().await.expect("an answer");
    assert_eq!(lines(&mut client, info).await, ["BASE TABLE", "VIEW"]);
    let ask = CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: Some("bitcoin".to_owned()),
        table_name_filter_pattern: Some("%s".to_owned()),
        table_types: vec!["VIEW".to_owned()],
        include_schema: false,
    };
    let info = client.get_tables(ask.clone()).await.expect("an answer");
    let views = lines(&mut client, info).await;
    assert!(views.contains(&"assay|bitcoin|balances|VIEW".to_owned()), "{views:?}");
    let info = client.get_tables(CommandGetTables { include_schema: true, ..ask }).await;
    let rows = fetch(&mut client, info.expect("an answer")).await.expect("rows");
    let column = rows[0].column_by_name("table_schema").expect("schemas");
    let bytes = column.as_any().downcast_ref::<arrow::array::BinaryArray>().expect("bytes");
    let of_first =
        arrow::ipc::convert::try_schema_from_ipc_buffer(bytes.value(0)).expect("a schema");
    assert_eq!(of_first.field(0).name(), "address");
    let keys = CommandGetPrimaryKeys {
        catalog: None,
        db_schema: Some("bitcoin".to_owned()),
        table: "blocks".to_owned(),
    };
    let info = client.get_primary_keys(keys).await.expect("an answer");
    assert_eq!(lines(&mut client, info).await, [""; 0]);
    let asked = vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerReadOnly];
    let info = client.get_sql_info(asked).await.expect("an answer");
    let info = lines(&mut client, info).await;
    assert_eq!(info.len(), 2, "{info:?}");
    assert!(info[0].contains("assay"), "{info:?}");
}
