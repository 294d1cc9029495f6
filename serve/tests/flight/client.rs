//! A client of Flight SQL.

use arrow::array::RecordBatch;
use arrow_flight::FlightInfo;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

use assay_serve::service::Protocol;

use crate::server::Server;

pub type Client = FlightSqlServiceClient<Channel>;

/// A client that has said nothing yet.
pub async fn client(server: &Server) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address(Protocol::Flight)))
        .expect("an address");
    FlightSqlServiceClient::new(endpoint.connect().await.expect("connected"))
}

/// The rows that `info` leads to.
pub async fn fetch(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, FlightError> {
    let mut batches = Vec::new();
    let columns = info.clone().try_decode_schema()?;
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.expect("a ticket");
        let stream = client.do_get(ticket).await?;
        let of_endpoint: Vec<RecordBatch> = stream.try_collect().await?;
        for batch in &of_endpoint {
            assert_eq!(*batch.schema(), columns, "other columns than promised");
        }
        batches.extend(of_endpoint);
    }
    Ok(batches)
}

/// The rows of a statement.
pub async fn query(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    fetch(client, info).await
}

/// Rows as lines of text.
pub fn text(batches: &[RecordBatch]) -> Vec<String> {
    let cell = |batch: &RecordBatch, column, row| {
        arrow::util::display::array_value_to_string(batch.column(column), row).expect("text")
    };
    let line = |batch: &RecordBatch, row| {
        let cells: Vec<_> =
            (0..batch.num_columns()).map(|column| cell(batch, column, row)).collect();
        cells.join("|")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| line(batch, row))).collect()
}
