//! Names of tables and columns in ClickHouse.

use assay_model::{Column, ColumnType, Table};

/// The table that holds the rows of `table`: one database has those of all chains.
pub fn table_name(table: &Table) -> String {
    format!("{}_{}", table.chain, table.name)
}

/// The table that holds them on each node of a cluster, behind the distributed one.
pub fn local_name(table: &Table) -> String {
    format!("{}_local", table_name(table))
}

/// The column that says whether a row has the list in `column`: ClickHouse knows no absent lists.
/// `None` if that is no question.
pub fn is_given(column: &Column) -> Option<String> {
    let is_list = matches!(
        column.kind,
        ColumnType::BytesList
            | ColumnType::HexList
            | ColumnType::Int32List
            | ColumnType::Structs(_)
    );
    (column.nullable && is_list).then(|| format!("has_{}", column.name))
}

/// `text` as a literal of ClickHouse's SQL.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_literal() {
        assert_eq!(quote("a"), "'a'");
        assert_eq!(quote(r"\' or 1"), r"'\\\' or 1'");
    }

    #[test]
    fn only_absent_lists_need_a_column_more() {
        let given = |kind, nullable| is_given(&Column { name: "x", kind, nullable, doc: "" });
        assert_eq!(given(ColumnType::BytesList, true).as_deref(), Some("has_x"));
        assert_eq!(given(ColumnType::BytesList, false), None);
        assert_eq!(given(ColumnType::Bytes, true), None);
    }
}
