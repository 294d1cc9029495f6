//! The session over a small lake: what it answers, what it reads for that, and what it refuses.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod balances;
mod holdings;

use std::fs;
use std::path::Path;

use assay_model::Chain;
use assay_model::lake::{
    Finality, Manifest, REPLACED_DIR, Reorg, Replaced, SCHEMA_VERSION, SEGMENT_FILE, table_file,
};
use assay_model::{BlockHash, BlockRef};
use assay_query::{Kind, QueryError, Session, SessionOptions, Store, described_tables};
use support::{collect, error, lake, ok, open, slt};

/// How many files the scans of `sql` read, after pruning by height.
async fn files_read(session: &Session, sql: &str) -> usize {
    let plan = ok(session, &format!("explain {sql}")).await.join("\n");
    plan.matches(".parquet").count()
}

#[tokio::test]
async fn sql_behaves_as_the_records_say() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    for folder in ["tests/slt", "tests/slt/lake"] {
        slt::run_all(&session, folder).await;
    }
}

#[tokio::test]
async fn segments_are_pruned_by_height() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    let cases = [
        ("select sum(value) from bitcoin.outputs", 3),
        ("select sum(value) from bitcoin.outputs where height = 4", 1),
        ("select sum(value) from bitcoin.outputs where height < 3", 1),
        ("select sum(value) from bitcoin.outputs where height <= 3", 2),
        ("select sum(value) from bitcoin.outputs where height > 4", 1),
        ("select sum(value) from bitcoin.outputs where height between 3 and 4", 1),
        ("select sum(value) from bitcoin.outputs where height in (0, 7)", 2),
        ("select sum(value) from bitcoin.outputs where height = 0 or height > 6", 2),
        ("select sum(value) from bitcoin.outputs where height = 4 and address = 'bob'", 1),
        ("select sum(value) from bitcoin.outputs where not height >= 3", 1),
        ("select sum(value) from bitcoin.outputs where height > 99", 0),
        // The condition is known when the statement is planned.
        (
            "select sum(value) from bitcoin.outputs where height <= block_height('bitcoin', '2009-01-05')",
            1,
        ),
        // The segment of heights 0 to 2 has no inputs, so its file is not read.
        ("select sum(value) from bitcoin.inputs", 2),
        ("select sum(value) from bitcoin.inputs where spent_height = 5", 1),
        // What a view filters reaches the tables under it.
        ("select value from bitcoin.utxos where height = 6", 2),
    ];
    for (sql, files) in cases {
        assert_eq!(files_read(&session, sql).await, files, "{sql}");
    }
}

#[tokio::test]
async fn a_hash_is_looked_up_in_the_files_statistics() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    let sql = format!("explain select * from bitcoin.outputs where txid = '{}'", "31".repeat(32));
    let plan = ok(&session, &sql).await.join("\n");
    assert!(plan.contains("pruning_predicate=") && plan.contains("txid_min"), "{plan}");
    assert!(!plan.contains("FilterExec"), "the reader filters by itself: {plan}");
}

#[tokio::test]
async fn counting_reads_no_file() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    for heights in lake::SEGMENTS {
        for table in ["outputs", "inputs"] {
            let folder = lake::segment(dir.path(), heights.start);
            fs::write(folder.join(table_file(table)), "not Parquet").expect("a file");
        }
    }
    assert_eq!(ok(&session, "select count(*) from bitcoin.outputs").await, ["12"]);
    assert_eq!(ok(&session, "select count(*) from bitcoin.inputs").await, ["3"]);
    assert_eq!(ok(&session, "select min(height), max(height) from bitcoin.outputs").await, ["0 7"]);
    let message = error(&session, "select sum(value) from bitcoin.outputs").await;
    assert!(message.contains("outputs.parquet"), "no file named: {message}");
}

#[tokio::test]
async fn the_order_of_the_key_needs_no_sort() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    for (order, sorted) in [
        ("height", true),
        ("height, tx_index, output_index", true),
        ("value", false),
        ("time", false),
    ] {
        let sql = format!("explain select * from bitcoin.outputs order by {order}");
        let plan = ok(&session, &sql).await.join("\n");
        assert_eq!(!plan.contains("SortExec"), sorted, "{plan}");
    }
    let heights = ok(&session, "select height from bitcoin.transactions order by height").await;
    assert_eq!(heights, ["0", "1", "2", "3", "3", "4", "5", "6", "7", "7"]);
}

#[tokio::test]
async fn a_statement_keeps_its_snapshot_and_the_next_sees_more() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    lake::write_segment(dir.path(), 0..3);
    let session = open(dir.path()).await;
    let both = "select (select count(*) from bitcoin.blocks), (select max(height) from bitcoin.outputs), \
                (select height from system.watermarks), block_height('bitcoin', '2030-01-01')";
    let planned = session.query(both).await.expect("a plan");
    assert_eq!(ok(&session, both).await, ["3 2 2 2"]);
    lake::write_segment(dir.path(), 3..5);
    lake::write_segment(dir.path(), 5..8);
    assert_eq!(ok(&session, both).await, ["8 7 7 7"]);
    let rows: Vec<_> = futures::TryStreamExt::try_collect(planned).await.expect("rows");
    let text = arrow::util::pretty::pretty_format_batches(&rows).expect("text").to_string();
    assert!(text.contains("| 3 ") && !text.contains('7'), "{text}");
}

#[tokio::test]
async fn a_statement_outlives_the_segments_that_it_reads() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    lake::write_segment(dir.path(), 0..3);
    lake::write_segment(dir.path(), 3..5);
    let session = open(dir.path()).await;
    let both = "select (select sum(value) from bitcoin.inputs), block_time('bitcoin', 3) is null";
    let planned = session.query(both).await.expect("a plan");
    // A reorganisation: the segment is put aside, and another takes its place.
    let old = lake::segment(dir.path(), 3);
    lake::write_segment(dir.path(), 3..4);
    let aside = dir.path().join("bitcoin").join(REPLACED_DIR);
    fs::create_dir(&aside).expect("a folder");
    fs::rename(&old, aside.join(old.file_name().expect("a name"))).expect("moved");
    let rows: Vec<_> = futures::TryStreamExt::try_collect(planned).await.expect("rows");
    let text = arrow::util::pretty::pretty_format_batches(&rows).expect("text").to_string();
    assert!(text.contains("5000000000") && text.contains("false"), "{text}");

    assert_eq!(ok(&session, "select max(height) from bitcoin.outputs").await, ["3"]);
    assert_eq!(ok(&session, "select count(*) from bitcoin.outputs").await, ["6"]);
    assert_eq!(ok(&session, "select block_time('bitcoin', 4) is null").await, ["true"]);
    // Nothing is missing silently.
    fs::remove_dir_all(lake::segment(dir.path(), 3)).expect("removed");
    let options =
        SessionOptions { store: Store::Lake(dir.path().to_owned()), ..SessionOptions::default() };
    let failed = Session::open(options).await.err().expect("a segment is missing").to_string();
    assert!(failed.contains("000000003-000000004"), "{failed}");
}

#[tokio::test]
async fn what_was_taken_back_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    let sql = "select chain, noticed, depth, common_height, height, hex(hash), hex(replaced_by) \
               from system.reorgs order by height";
    assert!(ok(&session, sql).await.is_empty());
    let block = |height, byte| BlockRef {
        height,
        hash: BlockHash([byte; 32]),
        parent: BlockHash::default(),
    };
    let replaced = |height, hash: u8, by: Option<u8>| Replaced {
        height,
        hash: BlockHash([hash; 32]),
        by: by.map(|byte| BlockHash([byte; 32])),
    };
    let reorg = Reorg {
        noticed: 86_400_000_000,
        common: block(5, 5),
        replaced: vec![replaced(6, 0x66, Some(0xaa)), replaced(7, 0x77, None)],
    };
    let finality = Finality { safe: Some(block(7, 7)), finalized: Some(block(3, 3)) };
    let manifest = Manifest { finality, reorgs: vec![reorg], ..lake::manifest(dir.path()) };
    lake::write_manifest(dir.path(), Chain::Bitcoin, &manifest);
    let hash = |byte: &str| byte.repeat(32);
    let expected = [
        format!("bitcoin 1970-01-02T00:00:00Z 2 5 6 {} {}", hash("66"), hash("aa")),
        format!("bitcoin 1970-01-02T00:00:00Z 2 5 7 {} NULL", hash("77")),
    ];
    assert_eq!(ok(&session, sql).await, expected);
    let sql = "select safe_height, finalized_height from system.watermarks";
    assert_eq!(ok(&session, sql).await, ["7 3"]);
}

#[tokio::test]
async fn an_empty_lake_has_empty_tables() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    let session = open(dir.path()).await;
    for table in described_tables().iter().filter(|table| table.schema == "bitcoin") {
        let sql = format!("select * from {}", table.full_name());
        assert!(ok(&session, &sql).await.is_empty(), "{sql}");
    }
    assert_eq!(ok(&session, "select count(*) from bitcoin.outputs").await, ["0"]);
    assert_eq!(
        ok(&session, "select height, network from system.watermarks").await,
        ["NULL regtest"]
    );
    assert_eq!(ok(&session, "select block_height('bitcoin', '2030-01-01')").await, ["NULL"]);
}

#[tokio::test]
async fn a_lake_that_cannot_be_read_says_why() {
    let dir = tempfile::tempdir().expect("a folder");
    let open = |path: &Path| {
        Session::open(SessionOptions {
            store: Store::Lake(path.to_owned()),
            ..SessionOptions::default()
        })
    };
    for path in [dir.path().join("nowhere"), dir.path().to_owned()] {
        let failed = open(&path).await.err().expect("no lake");
        assert!(matches!(failed, QueryError::NoLake { .. }), "{failed}");
        assert!(failed.to_string().contains("assay index"), "{failed}");
    }
    lake::write_info(dir.path(), SCHEMA_VERSION + 1);
    let failed = open(dir.path()).await.err().expect("another version");
    assert!(matches!(failed, QueryError::SchemaVersion { .. }), "{failed}");

    lake::write(dir.path());
    let segment = lake::segment(dir.path(), 3);
    fs::write(segment.join(SEGMENT_FILE), "{}").expect("a file");
    let failed = open(dir.path()).await.err().expect("a damaged segment");
    let file = "/000000003-000000005-";
    assert!(failed.to_string().contains(file) && failed.to_string().contains("/segment.json"));
}

#[tokio::test]
async fn descriptions_and_tables_agree() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    for table in described_tables() {
        let sql = format!("select * from {}", table.full_name());
        let stream = session.query(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let schema = stream.schema();
        let found: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), field.data_type().clone(), field.is_nullable()))
            .collect();
        let described: Vec<_> = table
            .columns
            .iter()
            .map(|column| (column.name, column.kind.data_type(), column.nullable))
            .collect();
        assert_eq!(found, described, "{sql}");
        let is_chain = Chain::ALL.iter().any(|chain| chain.name() == table.schema);
        assert!(table.kind != Kind::Table || is_chain);
    }
}

/// A session that may hold next to nothing.
async fn poor_session(dir: &Path) -> Session {
    let options = SessionOptions {
        store: Store::Lake(dir.to_owned()),
        memory_limit_bytes: 32 << 20,
        spill_dir: Some(dir.join("spill")),
        ..SessionOptions::default()
    };
    Session::open(options).await.expect("a session")
}

#[tokio::test]
async fn too_little_memory_is_an_error_and_spilling_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = poor_session(dir.path()).await;
    // One group holds everything: there is nothing to spill.
    let message =
        error(&session, "select array_agg(value) from generate_series(1, 10000000) as t(value)")
            .await;
    assert!(message.starts_with("not enough memory"), "{message}");
    // A sort of more than the limit goes through the disk.
    let sql =
        "select value from generate_series(1, 2000000) as t(value) order by value % 1000, value";
    let rows: usize =
        collect(&session, sql).await.expect("it spills").iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 2_000_000);
    assert_eq!(ok(&session, "select 1").await, ["1"]);
}

#[tokio::test]
async fn a_join_that_would_not_fit_in_memory_is_merged() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let sql = "select hex(txid), height, value from bitcoin.utxos order by height, output_index";
    let small = open(dir.path()).await;
    let expected = ok(&small, sql).await;
    let plan = ok(&small, &format!("explain {sql}")).await.join("\n");
    assert!(plan.contains("HashJoinExec"), "{plan}");
    // The plan rests on the row counts that segments state: a chain of a billion outputs.
    for heights in lake::SEGMENTS {
        let path = lake::segment(dir.path(), heights.start).join(SEGMENT_FILE);
        let text = fs::read_to_string(&path).expect("a file");
        let text = text.replace("\"rows\":", "\"rows\":100000000");
        fs::write(&path, text).expect("a file");
    }
    let large = open(dir.path()).await;
    let plan = ok(&large, &format!("explain {sql}")).await.join("\n");
    assert!(plan.contains("SortMergeJoinExec"), "{plan}");
    assert_eq!(ok(&large, sql).await, expected);
}

#[tokio::test]
async fn the_files_of_the_machine_are_out_of_reach() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    for sql in [
        "select * from '/etc/passwd'",
        "select * from 'file:///etc/passwd'",
        "select * from read_csv('/etc/passwd')",
        "with t as (select 1) insert into bitcoin.blocks select * from bitcoin.blocks",
        "select * into t from bitcoin.blocks",
        "copy (select 1) to '/tmp/x.csv'",
        "create external table t stored as csv location '/etc/passwd'",
        "set datafusion.execution.target_partitions = 1",
        "explain analyze insert into bitcoin.blocks select * from bitcoin.blocks",
    ] {
        let message = error(&session, sql).await;
        let reasons = ["is refused", "no table named", "table function"];
        assert!(reasons.iter().any(|reason| message.contains(reason)), "{sql}: {message}");
    }
}

#[tokio::test]
async fn a_hostile_statement_costs_only_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = poor_session(dir.path()).await;
    // As deep as statements may be.
    let chain = vec!["height"; 400].join("+");
    ok(&session, &format!("select {chain} from bitcoin.blocks")).await;
    let chain = vec!["height = 1"; 250].join(" or ");
    ok(&session, &format!("select 1 from bitcoin.blocks where {chain}")).await;
    let cross = (0..50).map(|n| format!("(select 1) t{n}")).collect::<Vec<_>>().join(",");
    ok(&session, &format!("select 1 from {cross}")).await;
    let unions = vec!["select 1"; 400].join(" union all ");
    assert_eq!(ok(&session, &unions).await.len(), 400);
    let nested = format!("select {}1{}", "(".repeat(20), ")".repeat(20));
    ok(&session, &nested).await;
    // An error or a result, not the end of the process.
    for sql in [
        "select power(10, 1000)::bigint",
        "select 1 / 0",
        "select btc(btc(btc(btc(btc(1)))))",
        "select regexp_replace(repeat('a', 40), '(a*)*b', '')",
        "select to_char(now(), repeat('%Y', 1000))",
        "select date_bin(interval '0 seconds', now())",
        "select chr(-1)",
        "select substr('é', -9223372036854775808, 9223372036854775807)",
        "select block_time('bitcoin', 9223372036854775807)",
        "select block_height('bitcoin', '9999-12-31')",
        "select * from generate_series(1, 10, 0)",
    ] {
        let _ = support::rows(&session, sql).await;
    }
    assert_eq!(ok(&session, "select 1").await, ["1"]);
}

#[tokio::test]
async fn a_join_that_makes_rows_without_end_can_be_stopped() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let session = open(dir.path()).await;
    let many = "generate_series(1, 300000)";
    for sql in [
        format!("select sum(a.value + b.value) from {many} a, {many} b"),
        format!("select count(*) from {many} a join {many} b on a.value % 2 = b.value % 2"),
        format!("select count(*) from {many} a join {many} b on a.value <> b.value"),
        format!(
            "select count(value) from (select unnest(list) as value from (select array_agg(value) as list from generate_series(1, 1000)) cross join {many})"
        ),
    ] {
        let asked = std::time::Instant::now();
        let limit = std::time::Duration::from_millis(200);
        // On one thread: only what gives way lets the time be seen.
        let stopped = tokio::time::timeout(limit, support::rows(&session, &sql)).await;
        assert!(stopped.is_err(), "{sql}: it ended");
        let elapsed = asked.elapsed();
        assert!(elapsed < std::time::Duration::from_secs(20), "{sql}: after {elapsed:?}");
    }
}
