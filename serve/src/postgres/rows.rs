//! Rows on their way to a client, in as many steps as it asks for.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt;

use super::encode::Columns;
use crate::ServeError;
use crate::service::Answer;

/// The rows of a statement, and how far they are sent.
#[derive(Debug)]
pub(super) struct Rows {
    schema: SchemaRef,
    answer: Option<Answer>,
    batch: Option<RecordBatch>,
    /// The rows of `batch` in the formats that were asked for last.
    columns: Option<(Vec<i16>, Columns)>,
    row: usize,
}

impl Rows {
    /// Of a statement that runs.
    pub(super) fn of(answer: Answer) -> Rows {
        let schema = answer.schema();
        Rows { schema, answer: Some(answer), batch: None, columns: None, row: 0 }
    }

    /// Of texts, in columns of these names.
    pub(super) fn of_texts<const N: usize>(
        names: [&str; N],
        texts: &[[String; N]],
    ) -> Result<Rows, ServeError> {
        let field = |name: &str| Field::new(name, DataType::Utf8, false);
        let schema = Arc::new(Schema::new(names.map(field).to_vec()));
        let column = |index: usize| {
            Arc::new(StringArray::from_iter_values(texts.iter().map(|row| &row[index]))) as _
        };
        let batch = RecordBatch::try_new(Arc::clone(&schema), (0..N).map(column).collect());
        let batch = Some(batch.map_err(|error| ServeError::Internal(error.to_string()))?);
        Ok(Rows { schema, answer: None, batch, columns: None, row: 0 })
    }

    /// The columns.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What is left of the rows at hand, in the formats of `codes`: the place of the next one among them.
    /// Waits for more if there are none; `None` at the end.
    pub(super) async fn next(
        &mut self,
        codes: &[i16],
    ) -> Result<Option<(&Columns, &mut usize)>, ServeError> {
        while self.batch.as_ref().is_none_or(|batch| self.row >= batch.num_rows()) {
            let Some(answer) = &mut self.answer else {
                self.batch = None;
                return Ok(None);
            };
            (self.batch, self.columns, self.row) = (None, None, 0);
            match answer.next().await {
                Some(batch) => self.batch = Some(batch?),
                None => self.answer = None,
            }
        }
        let Some(batch) = &self.batch else { return Ok(None) };
        if self.columns.as_ref().is_none_or(|(known, _)| known != codes) {
            self.columns = Some((codes.to_vec(), Columns::new(batch, codes)?));
        }
        Ok(self.columns.as_ref().map(|(_, columns)| (columns, &mut self.row)))
    }
}
