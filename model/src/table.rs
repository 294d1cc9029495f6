//! Tables and columns: one description from which schemas, help and the SQL catalogue are made.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::Chain;

/// The type of a column. Few, and only such as every reader of Parquet and every SQL client knows:
/// whole numbers are signed, because PostgreSQL, JDBC and Spark have no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// Whole number of 32 bits: positions within a block, wire fields that are signed.
    Int32,
    /// Whole number of 64 bits: heights, amounts in base units, sizes, unsigned 32-bit wire fields.
    Int64,
    /// Floating-point number of 64 bits.
    Float64,
    /// UTF-8 text.
    Text,
    /// Bytes of any length: scripts, and hashes in display order.
    Bytes,
    /// A list of byte strings: a witness.
    BytesList,
    /// Bytes that people write with `0x` in front: Ethereum's hashes, addresses and data.
    Hex,
    /// A list of them.
    HexList,
    /// Whole number of up to 38 digits: amounts in wei.
    Decimal38,
    /// Whole number of up to 76 digits: amounts of tokens.
    Decimal76,
    /// Money, with six decimal places: what an amount is worth.
    Money,
    /// A list of whole numbers of 32 bits: a path.
    Int32List,
    /// A list of structs, each with these fields.
    Structs(&'static [Column]),
    /// A moment in UTC. Block times have whole seconds; microseconds are what clients expect.
    Time,
}

impl ColumnType {
    /// The Arrow type of the column.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Int32 => DataType::Int32,
            ColumnType::Int64 => DataType::Int64,
            ColumnType::Float64 => DataType::Float64,
            ColumnType::Text => DataType::Utf8,
            ColumnType::Bytes | ColumnType::Hex => DataType::Binary,
            ColumnType::BytesList => list_of(DataType::Binary),
            ColumnType::HexList => {
                let item = Field::new_list_field(DataType::Binary, false);
                DataType::List(Arc::new(item.with_metadata(hex_metadata())))
            }
            ColumnType::Decimal38 => DataType::Decimal128(38, 0),
            ColumnType::Decimal76 => DataType::Decimal256(76, 0),
            ColumnType::Money => DataType::Decimal128(38, 6),
            ColumnType::Int32List => list_of(DataType::Int32),
            ColumnType::Structs(columns) => {
                list_of(DataType::Struct(columns.iter().map(Column::field).collect()))
            }
            ColumnType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// The name of the type as people write it in SQL.
    pub fn sql_name(self) -> &'static str {
        match self {
            ColumnType::Boolean => "boolean",
            ColumnType::Int32 => "int",
            ColumnType::Int64 => "bigint",
            ColumnType::Float64 => "double",
            ColumnType::Text => "text",
            ColumnType::Bytes | ColumnType::Hex => "bytea",
            ColumnType::BytesList | ColumnType::HexList => "bytea[]",
            ColumnType::Decimal38 => "decimal(38,0)",
            ColumnType::Decimal76 => "decimal(76,0)",
            ColumnType::Money => "decimal(38,6)",
            ColumnType::Int32List => "int[]",
            ColumnType::Structs(_) => "struct[]",
            ColumnType::Time => "timestamptz",
        }
    }
}

/// The list of never absent items of type `kind`.
fn list_of(kind: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(kind, false)))
}

/// What says of a field of bytes that people write them with [`HEX_PREFIX`] in front.
fn hex_metadata() -> HashMap<String, String> {
    HashMap::from([(PREFIX_KEY.to_owned(), HEX_PREFIX.to_owned())])
}

/// What people write in front of the hex digits of the bytes of `field`.
pub fn hex_prefix(field: &Field) -> &str {
    field.metadata().get(PREFIX_KEY).map_or("", String::as_str)
}

/// Key in a field's metadata of what people write in front of its bytes.
const PREFIX_KEY: &str = "assay.hex_prefix";
/// What people write in front of Ethereum's bytes.
const HEX_PREFIX: &str = "0x";

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in SQL.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// Whether a row may lack it.
    pub nullable: bool,
    /// One line for people: meaning and unit.
    pub doc: &'static str,
}

impl Column {
    /// A column that every row has.
    pub const fn required(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
        Column { name, kind, nullable: false, doc }
    }

    /// A column that a row may lack; `doc` says when.
    pub const fn optional(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
        Column { name, kind, nullable: true, doc }
    }

    /// The Arrow field of the column.
    pub fn field(&self) -> Field {
        let field = Field::new(self.name, self.kind.data_type(), self.nullable);
        match self.kind {
            ColumnType::Hex => field.with_metadata(hex_metadata()),
            _ => field,
        }
    }
}

/// A stored table.
///
/// Rows are ordered by `key`, whose first column is the height.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// The chain whose blocks fill it, and its schema in SQL.
    pub chain: Chain,
    /// Name within the schema.
    pub name: &'static str,
    /// One line for people: what one row is.
    pub doc: &'static str,
    /// Columns that identify a row and by which rows are ordered.
    pub key: &'static [&'static str],
    /// The columns, in order.
    pub columns: &'static [Column],
}

impl Table {
    /// The Arrow schema of the table.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    /// Chain and name, as written in SQL.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.chain, self.name)
    }
}
