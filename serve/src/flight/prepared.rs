//! Statements that are kept between requests: prepared ones, and those that a ticket stands for.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use assay_query::Description;
use datafusion::common::{ParamValues, ScalarValue};
use tonic::Status;

use super::login::random;
use super::rows::internal;
use crate::expiring::Expiring;
use crate::service::Caller;

/// How long a ticket is good.
const TICKET_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long a prepared statement is kept that nobody uses.
const PREPARED_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The most bytes of statements and parameters that are kept, of tickets and of prepared statements each.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// What a statement takes beside its text.
const STATEMENT_BYTES: usize = 1 << 10;

/// A statement that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Whose it is.
    owner: String,
    /// What the client wrote.
    pub(super) text: String,
    /// What it answers with.
    pub(super) columns: SchemaRef,
    /// The names of its parameters, in order.
    names: Vec<String>,
    /// What they stand for.
    pub(super) parameters: Option<ParamValues>,
}

impl Kept {
    pub(super) fn new(caller: &Caller, text: String, description: &Description) -> Kept {
        let names = description.parameters.iter().map(|(name, _)| name.clone()).collect();
        let columns = description.columns.clone();
        Kept { owner: caller.name().to_owned(), text, columns, names, parameters: None }
    }

    /// Has the parameters stand for the one row of `batches`, which has a column for each.
    pub(super) fn bind(&mut self, batches: &[RecordBatch]) -> Result<(), Status> {
        let mut rows = batches.iter().filter(|batch| batch.num_rows() > 0);
        let one_row = "parameters are one row: a statement is executed once for each";
        let (Some(row), None) = (rows.next(), rows.next()) else {
            return Err(Status::invalid_argument(one_row));
        };
        if row.num_rows() != 1 {
            return Err(Status::invalid_argument(one_row));
        }
        if row.num_columns() != self.names.len() {
            let (expected, got) = (self.names.len(), row.num_columns());
            let text = format!("the statement has {expected} parameters, and {got} came");
            return Err(Status::invalid_argument(text));
        }
        let values = row.columns().iter().map(|column| ScalarValue::try_from_array(column, 0));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(internal)?;
        let is_numbered = (1..).zip(&self.names).all(|(place, name)| *name == format!("${place}"));
        self.parameters = if values.is_empty() {
            None
        } else if is_numbered {
            Some(ParamValues::from(values))
        } else {
            let names = self.names.iter().map(|name| name.trim_start_matches('$').to_owned());
            Some(ParamValues::from(names.zip(values).collect::<Vec<_>>()))
        };
        Ok(())
    }

    /// Whether it lacks what its parameters stand for.
    pub(super) fn is_unbound(&self) -> bool {
        self.parameters.is_none() && !self.names.is_empty()
    }

    fn weight(&self) -> usize {
        let parameters = match &self.parameters {
            Some(ParamValues::Map(values)) => {
                values.values().map(|value| value.value().size()).sum()
            }
            Some(ParamValues::List(values)) => {
                values.iter().map(|value| value.value().size()).sum()
            }
            None => 0,
        };
        STATEMENT_BYTES + self.text.len() + parameters
    }
}

/// Statements by what clients call them.
pub(super) struct Statements(Expiring<String, Kept>);

impl Statements {
    /// Those that tickets stand for.
    pub(super) fn of_tickets() -> Statements {
        Statements(Expiring::new(TICKET_LIFETIME, KEPT_BYTES_MAX))
    }

    /// Prepared ones.
    pub(super) fn prepared() -> Statements {
        Statements(Expiring::renewed(PREPARED_LIFETIME, KEPT_BYTES_MAX))
    }

    /// Keeps `statement` and says what it is called.
    pub(super) fn keep(&self, statement: Kept) -> String {
        let handle = random();
        self.put(handle.clone(), statement);
        handle
    }

    /// Keeps `statement` in the place of the one called `handle`.
    pub(super) fn put(&self, handle: String, statement: Kept) {
        let weight = statement.weight();
        self.0.insert(handle, statement, weight);
    }

    /// What `handle` stands for, if it is `caller`'s.
    pub(super) fn find(&self, caller: &Caller, handle: &[u8]) -> Result<Kept, Status> {
        let found =
            std::str::from_utf8(handle).ok().and_then(|handle| self.0.get(&handle.to_owned()));
        let own = found.filter(|kept| kept.owner == caller.name());
        own.ok_or_else(|| Status::not_found("there is no such statement, or not any more"))
    }

    /// Forgets what `handle` stands for.
    pub(super) fn forget(&self, handle: &[u8]) {
        if let Ok(handle) = std::str::from_utf8(handle) {
            self.0.remove(&handle.to_owned());
        }
    }
}

/// The parameters of a statement as columns.
pub(super) fn parameters(description: &Description) -> Schema {
    let fields = description.parameters.iter().map(|(name, kind)| {
        let kind = kind.clone().unwrap_or(arrow::datatypes::DataType::Null);
        Field::new(name, kind, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}
