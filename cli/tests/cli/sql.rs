//! `assay sql` over a lake.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::common::{Place, id};

const HEIGHTS: &str = "select height from bitcoin.blocks order by height";

#[test]
fn sql_comes_as_argument_from_a_file_or_from_standard_input() {
    let place = Place::with_lake();
    let expected = "height\n0\n1\n2\n";
    assert_eq!(place.run(&["sql", "-f", "csv", HEIGHTS]).ok(), expected);
    assert_eq!(place.pipe(&["sql", "-f", "csv"], HEIGHTS).ok(), expected);
    assert_eq!(place.pipe(&["sql", "-f", "csv", "--file", "-"], HEIGHTS).ok(), expected);
    place.write("q.sql", &format!("-- heights\n{HEIGHTS};\n"));
    assert_eq!(place.run(&["sql", "-f", "csv", "--file", "q.sql"]).ok(), expected);
    let error = place.run(&["sql", "--file", "gone.sql"]).failed(2);
    assert!(error.contains("cannot read the SQL text 'gone.sql'"), "{error}");
    assert_eq!(place.run(&["sql", "--file", "q.sql", HEIGHTS]).code, Some(2));
    assert!(place.pipe(&["sql"], " -- nothing\n").failed(2).contains("no statement"));
}

#[test]
fn values_are_written_as_analysts_know_them() {
    let place = Place::with_lake();
    let sql = "select o.txid, o.time, o.value, o.address, i.witness \
               from bitcoin.outputs o left join bitcoin.inputs i on i.spent_txid = o.txid \
               where o.height = 2 order by o.tx_index, o.output_index limit 2";
    let csv = format!(
        "txid,time,value,address,witness\n\
         {id},2011-02-02T23:36:42Z,5000000005,bcrt1pb,\n\
         {id},2011-02-02T23:36:42Z,0,,\n",
        id = id(20)
    );
    assert_eq!(place.run(&["sql", "-f", "csv", sql]).ok(), csv);
    let json = format!(
        "[\n{{\"txid\":\"{id}\",\"time\":\"2011-02-02T23:36:42Z\",\"value\":5000000005,\
         \"address\":\"bcrt1pb\",\"witness\":null}},\n\
         {{\"txid\":\"{id}\",\"time\":\"2011-02-02T23:36:42Z\",\"value\":0,\
         \"address\":null,\"witness\":null}}\n]\n",
        id = id(20)
    );
    assert_eq!(place.run(&["sql", "-f", "json", sql]).ok(), json);
    let table = place.run(&["sql", "select height, hash from bitcoin.blocks where height = 0"]);
    assert!(
        table.ok().contains(
            "     0 | 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\n"
        )
    );
}

#[test]
fn a_table_says_what_it_does_not_show() {
    let place = Place::with_lake();
    let table = place.run(&["sql", "--max-rows", "1", HEIGHTS]).ok();
    assert!(table.starts_with("height\n------\n     0\n(2 more rows:"), "{table}");
    let table = place.run(&["sql", "--max-rows", "0", HEIGHTS]).ok();
    assert!(!table.contains("more rows"), "{table}");
}

#[test]
fn a_files_name_says_its_format_and_files_keep_the_types() {
    let place = Place::with_lake();
    for name in ["a.csv", "a.json", "a.ndjson", "a.parquet", "a.arrow", "a.arrows"] {
        assert_eq!(place.run(&["sql", "-o", name, HEIGHTS]).ok(), "", "{name}");
    }
    let text = |name: &str| fs::read_to_string(place.path(name)).expect("written");
    assert_eq!(text("a.csv"), "height\n0\n1\n2\n");
    assert_eq!(text("a.json"), "[\n{\"height\":0},\n{\"height\":1},\n{\"height\":2}\n]\n");
    assert_eq!(text("a.ndjson"), "{\"height\":0}\n{\"height\":1}\n{\"height\":2}\n");
    let file = |name: &str| File::open(place.path(name)).expect("written");
    let heights = |batches: Vec<RecordBatch>| -> Vec<i64> {
        let columns = batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>());
        columns.flat_map(|column| column.values().to_vec()).collect()
    };
    let parquet = ParquetRecordBatchReaderBuilder::try_new(file("a.parquet")).expect("parquet");
    let parquet = parquet.build().expect("rows").map(|batch| batch.expect("rows")).collect();
    let arrow = FileReader::try_new(file("a.arrow"), None).expect("arrow");
    let arrow = arrow.map(|batch| batch.expect("rows")).collect();
    let stream = StreamReader::try_new(file("a.arrows"), None).expect("arrow");
    let stream = stream.map(|batch| batch.expect("rows")).collect();
    for batches in [parquet, arrow, stream] {
        assert_eq!(heights(batches), [0, 1, 2]);
    }
    let error = place.run(&["sql", "-o", "a.xlsx", HEIGHTS]).failed(2);
    assert!(error.contains("cannot tell the format of 'a.xlsx'"), "{error}");
}

#[test]
fn an_error_leaves_no_half_file_and_what_was_there() {
    let place = Place::with_lake();
    place.write("old.csv", "old");
    // Fails after the first rows were written.
    let sql = "select 1 / (299999 - value) from generate_series(1, 300000) as t(value)";
    for name in ["old.csv", "new.csv"] {
        let error = place.run(&["sql", "-o", name, sql]).failed(2);
        assert!(error.starts_with("assay: "), "{error}");
        assert!(error.to_lowercase().contains("divide by zero"), "{error}");
    }
    assert_eq!(place.names(), ["lake", "old.csv"]);
    assert_eq!(fs::read_to_string(place.path("old.csv")).expect("there"), "old");
    let error = place.run(&["sql", "-o", "gone/new.csv", HEIGHTS]).failed(2);
    assert!(error.contains("cannot write 'gone/new.csv'"), "{error}");
    assert!(place.run(&["sql", "-f", "csv", "-o", "lake", HEIGHTS]).failed(2).contains("folder"));
}

#[test]
fn an_interruption_leaves_no_half_file() {
    let place = Place::with_lake();
    // Would run for hours.
    let sql = "select a.value from generate_series(1, 1000000) as a(value), \
               generate_series(1, 1000000) as b(value)";
    for signal in ["-INT", "-TERM"] {
        let mut command = place.command(&["sql", "-o", "new.csv", sql]);
        let child = command.stderr(Stdio::piped()).spawn().expect("the program runs");
        let started = Instant::now();
        let part = place.path(&format!(".new.csv.{}.part", child.id()));
        while fs::metadata(&part).map_or(0, |part| part.len()) == 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing was written");
            thread::yield_now();
        }
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        let output = child.wait_with_output().expect("the program ends");
        assert_eq!(output.status.code(), Some(2), "{signal}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "assay: interrupted\n");
        assert_eq!(place.names(), ["lake"]);
    }
}

#[test]
fn statements_follow_each_other_where_the_format_can_hold_them() {
    let place = Place::with_lake();
    let sql = "select 1 as a; select 2 as b;";
    assert_eq!(place.run(&["sql", "-f", "csv", sql]).ok(), "a\n1\n\nb\n2\n");
    assert_eq!(place.run(&["sql", sql]).ok(), "a\n-\n1\n\nb\n-\n2\n");
    assert_eq!(place.run(&["sql", "-f", "json", sql]).ok(), "[\n{\"a\":1}\n]\n[\n{\"b\":2}\n]\n");
    for format in ["parquet", "arrow", "arrow-stream"] {
        let error = place.run(&["sql", "-f", format, "-o", "x", sql]).failed(2);
        assert!(error.contains(&format!("{format} holds one result")), "{error}");
    }
    assert_eq!(place.names(), ["lake"]);
}

#[test]
fn what_is_no_query_is_refused_without_a_trace_of_the_engine() {
    let place = Place::with_lake();
    for sql in ["selec 1", "select nothing from bitcoin.blocks", "drop table bitcoin.blocks"] {
        let error = place.run(&["sql", sql]).failed(2);
        assert!(error.starts_with("assay: "), "{error}");
        assert!(!error.contains("DataFusion") && !error.contains("Error {"), "{error}");
    }
}
