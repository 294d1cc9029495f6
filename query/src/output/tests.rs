//! Golden text of the text formats, and what the binary formats keep.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, Decimal128Array, Float64Array, Int64Array,
    ListBuilder, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampSecondArray,
};
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

/// Two rows of every kind of column: one with awkward values, one with nulls.
fn batch() -> RecordBatch {
    let mut witness = ListBuilder::new(BinaryBuilder::new());
    witness.append_value([Some([0xab, 0x01]), Some([0, 0xff])]);
    witness.append_null();
    let decimal = Decimal128Array::from(vec![Some(12_345_678_901_234_567_890), None]);
    let decimal = decimal.with_precision_and_scale(38, 8).expect("fits");
    let time = TimestampMicrosecondArray::from(vec![Some(1_231_006_505_000_000), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("txid", Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0xde, 0xad]), None]))),
        ("time", Arc::new(time.with_timezone("UTC"))),
        ("local", Arc::new(TimestampSecondArray::from(vec![Some(-1), None]))),
        ("value", Arc::new(Int64Array::from(vec![Some(i64::MAX), None]))),
        ("coins", Arc::new(decimal)),
        ("share", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("tag", Arc::new(StringArray::from(vec![Some("a \"b\", c"), None]))),
        ("witness", Arc::new(witness.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .expect("columns of one length")
}

fn written(format: Format, batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = writer(format, &batch().schema(), &mut out).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("rows"));
    writer.finish().expect("the end");
    out
}

fn text(format: Format, batches: &[RecordBatch]) -> String {
    String::from_utf8(written(format, batches)).expect("text")
}

#[test]
fn csv_quotes_what_it_must_and_leaves_null_empty() {
    let expected = "txid,time,local,value,coins,share,ok,tag,witness\n\
        dead,2009-01-03T18:15:05Z,1969-12-31T23:59:59,9223372036854775807,\
        123456789012.34567890,0.5,true,\"a \"\"b\"\", c\",\"[\"\"ab01\"\",\"\"00ff\"\"]\"\n\
        ,,,,,,,,\n";
    assert_eq!(text(Format::Csv, &[batch()]), expected);
}

#[test]
fn csv_and_json_of_no_rows_say_so() {
    assert_eq!(text(Format::Csv, &[]), "txid,time,local,value,coins,share,ok,tag,witness\n");
    assert_eq!(text(Format::Json, &[]), "[\n]\n");
    assert_eq!(text(Format::Ndjson, &[]), "");
}

const FIRST: &str = r#"{"txid":"dead","time":"2009-01-03T18:15:05Z","local":"1969-12-31T23:59:59","value":9223372036854775807,"coins":"123456789012.34567890","share":0.5,"ok":true,"tag":"a \"b\", c","witness":["ab01","00ff"]}"#;
const SECOND: &str = r#"{"txid":null,"time":null,"local":null,"value":null,"coins":null,"share":null,"ok":null,"tag":null,"witness":null}"#;

#[test]
fn json_keeps_every_digit_and_every_null() {
    let expected = format!("[\n{FIRST},\n{SECOND},\n{FIRST},\n{SECOND}\n]\n");
    assert_eq!(text(Format::Json, &[batch(), batch()]), expected);
    assert_eq!(text(Format::Ndjson, &[batch()]), format!("{FIRST}\n{SECOND}\n"));
}

#[test]
fn binary_formats_keep_the_types() {
    let batch = batch();
    let parquet = written(Format::Parquet, &[batch.clone(), batch.clone()]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes(parquet)).expect("parquet");
    let rows: Vec<_> = reader.build().expect("rows").map(|batch| batch.expect("rows")).collect();
    assert_eq!(rows[0].schema(), batch.schema());
    assert_eq!(rows[0].slice(0, 2), batch);

    let file = written(Format::Arrow, std::slice::from_ref(&batch));
    let mut reader = FileReader::try_new(std::io::Cursor::new(file), None).expect("arrow");
    assert_eq!(reader.next().expect("a batch").expect("rows"), batch);

    let stream = written(Format::ArrowStream, std::slice::from_ref(&batch));
    let mut reader = StreamReader::try_new(&stream[..], None).expect("arrow");
    assert_eq!(reader.next().expect("a batch").expect("rows"), batch);
}

/// `bytes` as a file, which is what the Parquet reader reads.
fn bytes(bytes: Vec<u8>) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&bytes).expect("writable");
    file
}

#[test]
fn every_name_leads_back_to_its_format() {
    for format in Format::ALL {
        assert_eq!(Format::of_name(format.name()), Some(format));
    }
    for name in ["table", "JSON", "", "xml"] {
        assert_eq!(Format::of_name(name), None, "{name}");
    }
}
