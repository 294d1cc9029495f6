//! What a client asks with its parameters, and how far its rows are sent: portals of the extended protocol,
//! and cursors, which are portals with a name in SQL.

use datafusion::common::ParamValues;

use super::command::Asked;
use super::rows::Rows;

/// The most portals and cursors of one connection.
pub(super) const MAX_PORTALS: usize = 256;

/// One portal.
pub(super) struct Portal {
    /// What is asked; nothing for a blank text, and for a cursor, which has begun.
    pub asked: Option<Asked>,
    /// The values of its parameters.
    pub parameters: Option<ParamValues>,
    /// The formats of its columns.
    pub codes: Vec<i16>,
    /// Its rows, once it has begun.
    pub rows: Option<Rows>,
    /// What its columns are, if it has any.
    pub schema: Option<arrow::datatypes::SchemaRef>,
    /// Whether it is a cursor.
    pub is_cursor: bool,
    /// Whether it outlives its transaction.
    pub hold: bool,
}

impl Portal {
    /// A cursor over `rows`.
    pub(super) fn cursor(rows: Rows, hold: bool) -> Portal {
        Portal {
            asked: None,
            parameters: None,
            codes: vec![],
            schema: Some(std::sync::Arc::clone(rows.schema())),
            rows: Some(rows),
            is_cursor: true,
            hold,
        }
    }
}
