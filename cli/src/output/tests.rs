//! Golden text of tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};

use super::*;

/// A row of values and one of nulls.
fn batch() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("txid", Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0xde, 0xad]), None]))),
        ("value", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("tag", Arc::new(StringArray::from(vec![Some("a \"b\", c"), None]))),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

#[test]
fn a_table_aligns_numbers_right_and_says_what_it_leaves_out() {
    let narrow = batch();
    let mut out = Vec::new();
    let mut writer = writer(Format::Table, &narrow.schema(), 3, &mut out).expect("a writer");
    writer.write(&narrow).expect("rows");
    writer.write(&narrow).expect("rows");
    assert!(!writer.is_full());
    writer.finish().expect("the end");
    let expected = "\
txid |               value | tag
-----+---------------------+---------
dead | 9223372036854775807 | a \"b\", c
NULL |                NULL | NULL
dead | 9223372036854775807 | a \"b\", c
(1 more row: --max-rows 0 shows all, -f csv writes all)
";
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn a_table_of_many_rows_stops_counting() {
    let many = Int64Array::from_iter_values(0..200_000);
    let many = RecordBatch::try_from_iter([("n", Arc::new(many) as ArrayRef)]).expect("a column");
    let mut out = Vec::new();
    let mut writer = writer(Format::Table, &many.schema(), 1, &mut out).expect("a writer");
    writer.write(&many).expect("rows");
    assert!(writer.is_full());
    writer.finish().expect("the end");
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains("(more than 100,000 more rows:"), "{text}");
}

#[test]
fn a_cell_of_several_lines_stays_in_its_column() {
    let plan = StringArray::from(vec!["a\n  b\n"]);
    let plan: ArrayRef = Arc::new(plan);
    let number: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let batch = RecordBatch::try_from_iter([("n", number), ("plan", plan)]).expect("columns");
    let mut out = Vec::new();
    let mut writer = writer(Format::Table, &batch.schema(), 0, &mut out).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.finish().expect("the end");
    let expected = "n | plan\n--+-----\n7 | a\n  |   b\n";
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn a_cell_cannot_steer_the_terminal_or_fill_it() {
    let texts = StringArray::from(vec![
        "a\n\u{1b}[31m".to_owned(),
        "x".repeat(10_000),
        "\n".repeat(10_000) + "y",
    ]);
    let batch = RecordBatch::try_from_iter([("t", Arc::new(texts) as ArrayRef)]).expect("a column");
    let mut out = Vec::new();
    let mut writer = writer(Format::Table, &batch.schema(), 0, &mut out).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.finish().expect("the end");
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains("\na\n\\u{1b}[31m\n"), "{text}");
    assert!(text.lines().count() < 150 && !text.contains('y'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 141), "{text}");
}
