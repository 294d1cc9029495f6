//! The requests of Flight SQL, one by one.

use std::sync::Arc;

use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt,
    SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage,
    SchemaAsIpc, Ticket,
};
use assay_query::{Description, QueryError, Statement};
use bytes::Bytes;
use datafusion::common::ParamValues;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::catalog;
use super::login::{Asker, Logins, asker};
use super::prepared::{self, Kept, Statements};
use super::rows::{info, internal, of_answer, of_batch, plain, status};
use crate::ServeError;
use crate::service::{Ask, Caller, Purpose, Service};

/// The most rows of parameters that are looked at: one is what is taken.
const PARAMETER_BATCHES_MAX: usize = 4;

type Rows<T> = Result<Response<<T as FlightService>::DoGetStream>, Status>;
type Info = Result<Response<FlightInfo>, Status>;

/// Answers the requests.
pub(super) struct FlightSql {
    service: Arc<Service>,
    logins: Logins,
    tickets: Statements,
    prepared: Statements,
}

impl FlightSql {
    pub(super) fn new(service: Arc<Service>) -> FlightSql {
        let logins = Logins::new(Arc::clone(&service));
        let (tickets, prepared) = (Statements::of_tickets(), Statements::prepared());
        FlightSql { service, logins, tickets, prepared }
    }

    fn parse(&self, text: &str) -> Result<Statement, ServeError> {
        let mut statements = self.service.session().statements(text)?;
        let count = statements.len();
        match statements.pop() {
            Some(statement) if count == 1 => Ok(statement),
            _ => Err(QueryError::NotOne { count }.into()),
        }
    }

    /// What `text` asks for and answers with. What is wrong with it is written down.
    async fn describe(
        &self,
        caller: &Caller,
        text: &str,
        parameters: Option<ParamValues>,
    ) -> Result<Description, Status> {
        let described = match self.parse(text) {
            Ok(statement) => self.service.describe_bound(caller, statement, parameters).await,
            Err(error) => Err(error),
        };
        match described {
            Ok(description) => Ok(description),
            Err(error) => Err(self.refused(caller, text, error).await),
        }
    }

    /// What to tell about a statement that does not run; it is written down.
    async fn refused(&self, caller: &Caller, text: &str, error: ServeError) -> Status {
        status(&self.service.refuse(caller, text, &Purpose::Query, error).await)
    }

    /// Refuses to write, and writes that down.
    async fn refused_to_write(
        &self,
        asker: Result<Asker, Status>,
        text: &str,
    ) -> Result<i64, Status> {
        let caller = self.logins.caller(asker).await?;
        let error = match self.parse(text) {
            Err(error) => error,
            // It only reads, and is still no update.
            Ok(_) => QueryError::Refused { statement: "an update".to_owned() }.into(),
        };
        Err(self.refused(&caller, text, error).await)
    }

    /// Where the rows of `statement` are to be had.
    fn ticket(&self, statement: Kept, descriptor: FlightDescriptor) -> Info {
        let columns = Arc::clone(&statement.columns);
        let statement_handle = Bytes::from(self.tickets.keep(statement));
        let ticket = TicketStatementQuery { statement_handle };
        info(&columns, ticket.as_any().encode_to_vec(), descriptor)
    }
}

/// The header that names a token.
fn bearer(token: &str) -> Result<MetadataValue<tonic::metadata::Ascii>, Status> {
    MetadataValue::try_from(format!("Bearer {token}")).map_err(internal)
}

fn schema_bytes(schema: &arrow::datatypes::Schema) -> Result<Bytes, Status> {
    let message = IpcMessage::try_from(SchemaAsIpc::new(schema, &IpcWriteOptions::default()));
    Ok(message.map_err(internal)?.0)
}

#[tonic::async_trait]
impl FlightSqlService for FlightSql {
    type FlightService = FlightSql;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<BoxStream<'static, Result<HandshakeResponse, Status>>>, Status> {
        let token = self.logins.begin(asker(&request)).await?;
        let header = bearer(&token)?;
        let answer = HandshakeResponse { protocol_version: 0, payload: token.into() };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Info {
        let caller = self.logins.caller(asker(&request)).await?;
        let description = self.describe(&caller, &query.query, None).await?;
        if !description.parameters.is_empty() {
            let text = "the statement has parameters: prepare it, and say what they stand for";
            let error = ServeError::BadRequest(text.to_owned());
            return Err(self.refused(&caller, &query.query, error).await);
        }
        self.ticket(Kept::new(&caller, query.query, &description), request.into_inner())
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Rows<Self> {
        let caller = self.logins.caller(asker(&request)).await?;
        let kept = self.tickets.find(&caller, &ticket.statement_handle)?;
        let statement = self.parse(&kept.text).map_err(|error| status(&error))?;
        let mut ask = Ask::query(statement, kept.text);
        ask.parameters = kept.parameters;
        let answer = self.service.run(&caller, ask).await.map_err(|error| status(&error))?;
        Ok(of_answer(answer, &Arc::new(plain(&kept.columns))))
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let caller = self.logins.caller(asker(&request)).await?;
        let description = self.describe(&caller, &query.query, None).await?;
        let kept = Kept::new(&caller, query.query, &description);
        Ok(ActionCreatePreparedStatementResult {
            dataset_schema: schema_bytes(&plain(&kept.columns))?,
            parameter_schema: schema_bytes(&prepared::parameters(&description))?,
            prepared_statement_handle: Bytes::from(self.prepared.keep(kept)),
        })
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let caller = self.logins.caller(asker(&request)).await?;
        let handle = query.prepared_statement_handle;
        let mut kept = self.prepared.find(&caller, &handle)?;
        let data = request.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
        let batches = FlightRecordBatchStream::new_from_flight_data(data);
        let batches: Vec<_> = batches.take(PARAMETER_BATCHES_MAX).try_collect().await?;
        kept.bind(&batches)?;
        let description = self.describe(&caller, &kept.text, kept.parameters.clone()).await?;
        kept.columns = description.columns;
        let name = std::str::from_utf8(&handle).map_err(internal)?.to_owned();
        self.prepared.put(name, kept);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Info {
        let caller = self.logins.caller(asker(&request)).await?;
        let kept = self.prepared.find(&caller, &query.prepared_statement_handle)?;
        if kept.is_unbound() {
            return Err(Status::invalid_argument("say first what the parameters stand for"));
        }
        self.ticket(kept, request.into_inner())
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let caller = self.logins.caller(asker(&request)).await?;
        let handle = query.prepared_statement_handle;
        // What is not there, or not any more, needs no closing.
        if self.prepared.find(&caller, &handle).is_ok() {
            self.prepared.forget(&handle);
        }
        Ok(())
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.logins.caller(asker(&request)).await?;
        let ticket = query.as_any().encode_to_vec();
        info(&query.into_builder().schema(), ticket, request.into_inner())
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<Ticket>,
    ) -> Rows<Self> {
        self.logins.caller(asker(&request)).await?;
        let mut builder = query.into_builder();
        builder.append(catalog::CATALOG);
        Ok(of_batch(builder.build()?))
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.logins.caller(asker(&request)).await?;
        let ticket = query.as_any().encode_to_vec();
        info(&query.into_builder().schema(), ticket, request.into_inner())
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<Ticket>,
    ) -> Rows<Self> {
        let caller = self.logins.caller(asker(&request)).await?;
        let schemas = catalog::schemas(&self.service, &caller, query).await;
        Ok(of_batch(schemas.map_err(|error| status(&error))?))
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.logins.caller(asker(&request)).await?;
        let ticket = query.as_any().encode_to_vec();
        info(&query.into_builder().schema(), ticket, request.into_inner())
    }

    async fn do_get_tables(&self, query: CommandGetTables, request: Request<Ticket>) -> Rows<Self> {
        let caller = self.logins.caller(asker(&request)).await?;
        let tables = catalog::tables_of(&self.service, &caller, query).await;
        Ok(of_batch(tables.map_err(|error| status(&error))?))
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.logins.caller(asker(&request)).await?;
        let ticket = query.as_any().encode_to_vec();
        info(&query.into_builder().schema(), ticket, request.into_inner())
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<Ticket>,
    ) -> Rows<Self> {
        self.logins.caller(asker(&request)).await?;
        let mut builder = query.into_builder();
        for kind in catalog::TABLE_TYPES {
            builder.append(kind);
        }
        Ok(of_batch(builder.build()?))
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.logins.caller(asker(&request)).await?;
        let ticket = query.as_any().encode_to_vec();
        info(&query.into_builder(&catalog::INFO).schema(), ticket, request.into_inner())
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<Ticket>,
    ) -> Rows<Self> {
        self.logins.caller(asker(&request)).await?;
        Ok(of_batch(query.into_builder(&catalog::INFO).build()?))
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.logins.caller(asker(&request)).await?;
        let schema = catalog::primary_keys().schema();
        info(&schema, query.as_any().encode_to_vec(), request.into_inner())
    }

    async fn do_get_primary_keys(
        &self,
        _query: CommandGetPrimaryKeys,
        request: Request<Ticket>,
    ) -> Rows<Self> {
        self.logins.caller(asker(&request)).await?;
        Ok(of_batch(catalog::primary_keys()))
    }

    async fn do_put_statement_update(
        &self,
        query: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.refused_to_write(asker(&request), &query.query).await
    }

    async fn do_put_statement_ingest(
        &self,
        query: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let table = query.table.chars().take(100).collect::<String>();
        self.refused_to_write(asker(&request), &format!("insert into \"{table}\" values (null)"))
            .await
    }

    async fn do_put_prepared_statement_update(
        &self,
        query: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let caller = self.logins.caller(asker(&request)).await?;
        let kept = self.prepared.find(&caller, &query.prepared_statement_handle)?;
        self.refused_to_write(asker(&request), &kept.text).await
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
