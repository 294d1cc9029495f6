//! What a statement sees while the indexer writes.

use assay_clickhouse::{Entry, Kind};
use assay_model::{BlockRef, Chain};
use futures::TryStreamExt;

use crate::database::Database;
use crate::support::{error, lake, ok};

/// An entry of the log that takes back all blocks above `height`.
async fn revert(database: &Database, height: u64) {
    let log = database.log(Chain::Bitcoin);
    let last = log.last().await.expect("the log").expect("an entry");
    let hash = |height| lake::block_hash(height).try_into().map(assay_model::BlockHash);
    let common = BlockRef {
        height,
        hash: hash(height).expect("32 bytes"),
        parent: hash(height - 1).expect("32 bytes"),
    };
    let entry = Entry {
        sequence: last.sequence + 1,
        kind: Kind::Revert,
        watermark: Some(common),
        time: Some(lake::time_micros(height) / 1_000_000),
        reorg: Some((common, Vec::new())),
        ..last
    };
    log.append(&entry).await.expect("appended");
}

#[tokio::test]
async fn rows_above_the_watermark_are_not_seen() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), assay_model::lake::SCHEMA_VERSION);
    lake::write_segment(dir.path(), 0..3);
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let session = database.open().await;
    let all = "select (select count(*) from bitcoin.blocks) as a, \
               (select max(height) from bitcoin.outputs) as b, \
               (select height from system.watermarks) as c, \
               block_height('bitcoin', '2030-01-01') as d, \
               (select count(*) from bitcoin.utxos) as e, \
               (select sum(balance) from bitcoin.balances) as f";
    let before = ok(&session, all).await;
    assert_eq!(before, ["3 2 2 2 1 5000000000"]);

    lake::write_segment(dir.path(), 3..8);
    let folder = lake::segment(dir.path(), 3);
    for table in Chain::Bitcoin.tables() {
        let file = folder.join(assay_model::lake::table_file(table.name));
        database.insert_file(table, &file).await;
    }
    assert_eq!(ok(&session, all).await, before);
    let planned = session.query(all).await.expect("a plan");
    // The rows are there already, and inserting them again changes nothing.
    database.add_segment(Chain::Bitcoin, &folder).await;
    let rows: Vec<_> = planned.try_collect().await.expect("rows");
    let text = arrow::util::pretty::pretty_format_batches(&rows).expect("text").to_string();
    assert!(text.contains("| 3 ") && !text.contains('7'), "{text}");
    assert!(ok(&session, all).await[0].starts_with("8 7 7 7 "));
}

#[tokio::test]
async fn a_reorganisation_under_a_statement_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let session = database.open().await;
    assert_eq!(ok(&session, "select block_time('bitcoin', 7)").await, ["2009-01-10T00:00:00Z"]);
    for (height, sql) in [
        (6, "select * from bitcoin.outputs"),
        (5, "select sum(value) from bitcoin.outputs"),
        // Read to the end here or not.
        (4, "select address from bitcoin.outputs where upper(address) = 'ALICE' limit 1"),
    ] {
        let planned = session.query(sql).await.expect("a plan");
        let untouched = session.query("select 1 from system.watermarks").await.expect("a plan");
        revert(&database, height).await;
        let failed = planned.try_collect::<Vec<_>>().await.expect_err(sql).to_string();
        assert!(failed.contains("bitcoin was reorganised") && failed.contains("run it again"));
        untouched.try_collect::<Vec<_>>().await.expect("it reads no rows");
    }
    // The rows that were taken back are seen no more, be they still there or not.
    assert_eq!(ok(&session, "select max(height) from bitcoin.outputs").await, ["4"]);
    assert_eq!(ok(&session, "select block_time('bitcoin', 7) is null").await, ["true"]);
    assert_eq!(ok(&session, "select block_height('bitcoin', '2030-01-01')").await, ["4"]);
    let planned = session.query("select * from bitcoin.outputs").await.expect("a plan");
    // Only what is new is taken back: what the statement sees stays.
    revert(&database, 4).await;
    planned.try_collect::<Vec<_>>().await.expect("it sees nothing above");
}

#[tokio::test]
async fn what_was_taken_back_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let log = database.log(Chain::Bitcoin);
    let session = database.open().await;
    let sql = "select chain, depth, common_height, height, hex(hash), hex(replaced_by) \
               from system.reorgs order by height";
    assert!(ok(&session, sql).await.is_empty());
    let last = log.last().await.expect("the log").expect("an entry");
    let common = BlockRef { height: 5, ..last.watermark.expect("blocks") };
    let replaced = |height, byte: u8, by: Option<u8>| assay_model::lake::Replaced {
        height,
        hash: assay_model::BlockHash([byte; 32]),
        by: by.map(|byte| assay_model::BlockHash([byte; 32])),
    };
    let blocks = vec![replaced(6, 0x66, Some(0xaa)), replaced(7, 0x77, None)];
    let entry = Entry {
        sequence: last.sequence + 1,
        kind: Kind::Revert,
        watermark: Some(common),
        reorg: Some((common, blocks)),
        ..last
    };
    log.append(&entry).await.expect("appended");
    let hash = |byte: &str| byte.repeat(32);
    let expected = [
        format!("bitcoin 2 5 6 {} {}", hash("66"), hash("aa")),
        format!("bitcoin 2 5 7 {} NULL", hash("77")),
    ];
    assert_eq!(ok(&session, sql).await, expected);
    assert!(ok(&session, "select * from system.segments").await.is_empty());
}

#[tokio::test]
async fn a_chain_without_blocks_has_empty_tables() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), assay_model::lake::SCHEMA_VERSION);
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let session = database.open().await;
    for table in assay_query::described_tables().iter().filter(|table| table.schema == "bitcoin") {
        let sql = format!("select * from {}", table.full_name());
        assert!(ok(&session, &sql).await.is_empty(), "{sql}");
    }
    let sql = "select count(*), sum(value), block_height('bitcoin', '2030-01-01') \
               from bitcoin.outputs";
    assert_eq!(ok(&session, sql).await, ["0 NULL NULL"]);
    let sql = "select height, network from system.watermarks";
    assert_eq!(ok(&session, sql).await, ["NULL regtest"]);
    assert!(error(&session, "select * from bitcoin.outpts").await.contains("no table named"));
}
