//! Rows and errors on their way to a client.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, Ticket};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status};

use crate::ServeError;
use crate::service::Answer;

/// Rows as they go out.
pub(super) type Rows = BoxStream<'static, Result<FlightData, Status>>;

/// What a client is told about `error`.
pub(super) fn status(error: &ServeError) -> Status {
    let mut details = MetadataMap::new();
    details.insert("sqlstate", MetadataValue::from_static(error.sqlstate()));
    Status::with_metadata(error.grpc_code(), error.to_string(), details)
}

/// The rows of `answer`, with the columns that were promised where these are of the same types.
pub(super) fn of_answer(answer: Answer, promised: &SchemaRef) -> Response<Rows> {
    let schema =
        if is_same(&answer.schema(), promised) { Arc::clone(promised) } else { answer.schema() };
    let columns = Arc::clone(&schema);
    let batches = answer.map(move |batch| {
        let batch = batch.map_err(|error| FlightError::from(status(&error)))?;
        // Of what may be null more is promised than the engine says in the end.
        Ok(batch.with_schema(Arc::clone(&columns))?)
    });
    encoded(schema, batches)
}

/// Rows that are there already.
pub(super) fn of_batch(batch: RecordBatch) -> Response<Rows> {
    encoded(batch.schema(), stream::iter([Ok(batch)]))
}

fn encoded(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> Response<Rows> {
    let encoder = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
    Response::new(encoder.map_err(Status::from).boxed())
}

/// Whether rows of `actual` can be shown as rows of `promised`.
fn is_same(actual: &Schema, promised: &Schema) -> bool {
    let same = |(actual, promised): (&Arc<Field>, &Arc<Field>)| {
        actual.name() == promised.name()
            && actual.data_type() == promised.data_type()
            && (promised.is_nullable() || !actual.is_nullable())
    };
    let (actual, promised) = (actual.fields(), promised.fields());
    actual.len() == promised.len() && actual.iter().zip(promised).all(same)
}

/// Where rows of `schema` are to be had.
pub(super) fn info(
    schema: &Schema,
    ticket: Vec<u8>,
    descriptor: FlightDescriptor,
) -> Result<Response<FlightInfo>, Status> {
    let info = FlightInfo::new().try_with_schema(&plain(schema)).map_err(internal)?;
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true)))
}

/// `schema` as the encoder of rows will say it: without dictionaries.
pub(super) fn plain(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, values) => {
            Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone()))
        }
        _ => Arc::clone(field),
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())
}

/// A failure that is ours.
pub(super) fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}
