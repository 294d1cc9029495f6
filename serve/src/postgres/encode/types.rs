//! Which of PostgreSQL's types a column has.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use arrow_pg::datatypes::field_into_pg_type;
use pgwire::api::Type;

/// A type as the protocol names it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::postgres) struct Wire(Type);

impl Wire {
    /// The type of the values of `field`.
    pub(in crate::postgres) fn of(field: &Field) -> Wire {
        Wire(match field.data_type() {
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal256(..) => {
                Type::NUMERIC
            }
            // What has no type is text, as a literal in PostgreSQL.
            DataType::Null => Type::TEXT,
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::FixedSizeList(item, _)
            | DataType::ListView(item)
            | DataType::LargeListView(item) => of_list(item),
            // Its fields have the types that they have here, which the other does not know all of.
            DataType::Struct(_) => Type::RECORD,
            _ => field_into_pg_type(&Arc::new(field.clone())).unwrap_or(Type::TEXT),
        })
    }

    /// The number of the type.
    pub(in crate::postgres) fn oid(&self) -> u32 {
        self.0.oid()
    }

    /// How many bytes each value has; -1 if that varies.
    pub(in crate::postgres) fn bytes(&self) -> i16 {
        match self.0 {
            Type::BOOL | Type::CHAR => 1,
            Type::INT2 => 2,
            Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
            Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
            Type::INTERVAL => 16,
            _ => -1,
        }
    }

    /// The type itself.
    pub(in crate::postgres) fn into_type(self) -> Type {
        self.0
    }
}

/// The type that a client is told for a parameter.
pub(in crate::postgres) fn parameter_type(inferred: Option<&DataType>) -> Type {
    match inferred {
        Some(kind) => Wire::of(&Field::new("", kind.clone(), true)).into_type(),
        None => Type::TEXT,
    }
}

/// Whether lists of `item` are arrays in PostgreSQL. Lists of lists are not: there all have one length.
pub(super) fn is_listable(item: &Field) -> bool {
    of_list(item) != Type::TEXT
}

fn of_list(item: &Field) -> Type {
    match Wire::of(item).0 {
        Type::BOOL => Type::BOOL_ARRAY,
        Type::INT2 => Type::INT2_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::FLOAT4 => Type::FLOAT4_ARRAY,
        Type::FLOAT8 => Type::FLOAT8_ARRAY,
        Type::NUMERIC => Type::NUMERIC_ARRAY,
        Type::BYTEA => Type::BYTEA_ARRAY,
        Type::DATE => Type::DATE_ARRAY,
        Type::TIME => Type::TIME_ARRAY,
        Type::TIMESTAMP => Type::TIMESTAMP_ARRAY,
        Type::TIMESTAMPTZ => Type::TIMESTAMPTZ_ARRAY,
        Type::INTERVAL => Type::INTERVAL_ARRAY,
        Type::RECORD => Type::RECORD_ARRAY,
        Type::OID => Type::OID_ARRAY,
        Type::CHAR => Type::CHAR_ARRAY,
        Type::TEXT if is_text(item.data_type()) => Type::TEXT_ARRAY,
        _ => Type::TEXT,
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}
