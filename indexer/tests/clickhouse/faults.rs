//! One kind of trouble at a time: what is said about it, and that nothing is lost or doubled.

use std::time::Duration;

use assay_clickhouse::{Access, Connection, Error, Log, migrate, schema};
use assay_fixtures::clickhouse::{ClickHouse, Config};
use assay_indexer::sink::clickhouse::ClickHouseSink;
use assay_indexer::sink::{Sink, SinkError};
use assay_model::lake::{Reorg, Replaced};
use assay_model::{Batch, Chain, Network};

use crate::block::{decode, raw_block};
use crate::mined;
use crate::proxy::{Mode, Proxy};
use crate::server::{assert_holds, connect, connect_as, shared};
use crate::stored::{bitcoin, commit, open};

/// A chain of `count` blocks that `name` tells from others, a batch each.
fn chain(count: u64, name: &[u8]) -> Vec<Batch> {
    let mut parent = [0; 32];
    let blocks = (0..count).map(|height| {
        let bytes = mined::block(height, parent, name);
        let raw = raw_block(height, bytes, &[]);
        parent = raw.block.hash.to_wire();
        decode(Network::Regtest, &raw).expect("a valid block")
    });
    blocks.collect()
}

async fn refused(connection: &Connection) -> SinkError {
    ClickHouseSink::open(connection.clone(), &bitcoin()).await.err().expect("refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said_to_be_so() {
    // Nobody listens on this port of the local host: it is the one of the discard protocol.
    let error = refused(&connect(9, "nowhere")).await;
    let text = error.to_string();
    assert!(text.contains("clickhouse://127.0.0.1:9/nowhere: cannot"), "{text}");
    assert!(text.contains("refused"), "{text}");
    assert!(error.is_passing() && error.is_elsewhere());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_given_up() {
    let Some(server) = ClickHouse::shared() else { return };
    let direct = connect(server.port(), "silent");
    let sink = open(&direct, &bitcoin()).await;
    drop(sink);
    let proxy = Proxy::start(server.port(), 1).await;
    let connection = connect(proxy.port, "silent");
    let sink = open(&connection, &bitcoin()).await;
    let batches = chain(3, b"s");
    commit(&sink, &batches[0]).await;
    proxy.set(Mode::Silent);
    let waiting = async { sink.commit(sink.encode(&batches[1]).expect("rows")).await };
    // It is tried again, for as long as it is silent.
    let early = tokio::time::timeout(Duration::from_secs(8), waiting).await;
    assert!(early.is_err(), "a silent server cannot have answered");
    let silent = connection.execute("SELECT 1", "ask").await.expect_err("no answer");
    assert!(matches!(silent, Error::TimedOut { .. }), "{silent}");
    proxy.set(Mode::Pass);
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&direct, Chain::Bitcoin, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_stores_comes_back_to_the_same_rows() {
    let Some(mut server) = ClickHouse::start() else { return };
    let connection = connect(server.port(), "killed");
    let sink = std::sync::Arc::new(open(&connection, &bitcoin()).await);
    let batches = chain(60, b"k");
    let (all, writing) = (batches.clone(), std::sync::Arc::clone(&sink));
    let writer = tokio::spawn(async move {
        for batch in &all {
            commit(&writing, batch).await;
        }
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .expect("restarted");
    }
    writer.await.expect("every batch is committed in the end");
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
}

/// A copy that was stopped between its reorganisations and its first rows begins with them again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_elsewhere_is_noted_once() {
    let Some(connection) = shared("remembered") else { return };
    let blocks = chain(4, b"r");
    let reorg = |common: usize| Reorg {
        noticed: common as i64 + 1, // 0 is now
        common: blocks[common].last,
        replaced: vec![Replaced {
            height: common as u64 + 1,
            hash: blocks[common + 1].last.hash,
            by: None,
        }],
    };
    let reorgs = [reorg(0), reorg(2), reorg(1)];
    for stopped_after in [1, 3, 3] {
        let sink = open(&connection, &bitcoin()).await;
        sink.remember(&reorgs[..stopped_after]).await.expect("noted");
    }
    let noted = Log::new(connection.clone(), Chain::Bitcoin).reorgs().await.expect("readable");
    assert_eq!(noted, reorgs);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_is_gone_and_kept_in_mind() {
    let Some(connection) = shared("reverted") else { return };
    let sink = open(&connection, &bitcoin()).await;
    let (one, other) = (chain(10, b"a"), chain(10, b"b"));
    for batch in &one {
        commit(&sink, batch).await;
    }
    // Two chains that part after the genesis block, which is not the same either: what is common is
    // said by who knows, and the sink believes it.
    let to = one[3].last;
    let by: Vec<_> = other[4..8].iter().map(|batch| batch.last).collect();
    sink.revert(to, &by).await.expect("reverted");
    sink.revert(to, &by).await.expect("reverted before");
    assert_holds(&connection, Chain::Bitcoin, &one[..4]).await;
    assert_eq!(sink.watermark().await.expect("known"), Some(to));
    let reorgs = Log::new(connection.clone(), Chain::Bitcoin).reorgs().await.expect("readable");
    assert_eq!(reorgs.len(), 1);
    assert_eq!(reorgs[0].common, to);
    let replaced: Vec<_> =
        reorgs[0].replaced.iter().map(|block| (block.height, block.hash, block.by)).collect();
    let expected: Vec<_> = (4..10)
        .map(|height: usize| {
            let by = by.get(height - 4).map(|block| block.hash);
            (height as u64, one[height].last.hash, by)
        })
        .collect();
    assert_eq!(replaced, expected);
    // The same blocks may come again.
    for batch in &one[4..] {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_last_writer_that_began_writes() {
    let Some(connection) = shared("two") else { return };
    let batches = chain(6, b"w");
    let first = open(&connection, &bitcoin()).await;
    commit(&first, &batches[0]).await;
    let second = open(&connection, &bitcoin()).await;
    commit(&second, &batches[1]).await;
    let encoded = first.encode(&batches[1]).expect("rows");
    let error = first.commit(encoded).await.expect_err("the second has begun");
    assert!(error.to_string().contains("another assay has begun to write bitcoin"), "{error}");
    assert!(!error.is_passing());
    // What the first left behind is counted, and put right.
    for batch in &batches[2..] {
        commit(&second, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_parts_are_waited_for() {
    let Some(connection) = shared("parts") else { return };
    let server = ClickHouse::shared().expect("it is there");
    let sink = open(&connection, &bitcoin()).await;
    let batches = chain(5, b"p");
    let error = {
        let few = "ALTER TABLE parts.bitcoin_blocks MODIFY SETTING parts_to_throw_insert = 2, \
                   parts_to_delay_insert = 0";
        server.query(few).expect("set");
        server.query("SYSTEM STOP MERGES parts.bitcoin_blocks").expect("stopped");
        commit(&sink, &batches[0]).await;
        commit(&sink, &batches[1]).await;
        let insert = async { sink.commit(sink.encode(&batches[2]).expect("rows")).await };
        tokio::time::timeout(Duration::from_secs(3), insert).await
    };
    assert!(error.is_err(), "it is tried again until the server has merged");
    server.query("SYSTEM START MERGES parts.bitcoin_blocks").expect("started");
    server.query("OPTIMIZE TABLE parts.bitcoin_blocks FINAL").expect("merged");
    server
        .query("ALTER TABLE parts.bitcoin_blocks RESET SETTING parts_to_throw_insert")
        .expect("set");
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    const SMALL: u64 = 40 << 20;
    let config = Config { disk_bytes: Some(SMALL), ..Config::default() };
    let Some(server) = ClickHouse::start_with(&config) else { return };
    let connection = connect(server.port(), "full");
    let sink = open(&connection, &bitcoin()).await;
    let batches = chain(4, b"f");
    commit(&sink, &batches[0]).await;
    server
        .query("CREATE TABLE full.filler (a String) ENGINE = MergeTree ORDER BY tuple()")
        .expect("made");
    let fill = "INSERT INTO full.filler SELECT randomString(1000000) FROM numbers(4) \
                SETTINGS max_block_size = 1";
    let full = (0..40).find_map(|_| server.query(fill).err()).expect("the disk is full at last");
    assert!(full.contains("Code: 243") || full.contains("No space left"), "{full}");
    let insert = async { sink.commit(sink.encode(&batches[1]).expect("rows")).await };
    let early = tokio::time::timeout(Duration::from_secs(3), insert).await;
    assert!(!matches!(early, Ok(Ok(()))), "there is no room");
    server.resize_disk(4 * SMALL);
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_may_do_what_their_role_says() {
    let users = Some(include_str!("../../../sql/clickhouse/users.xml").to_owned());
    let config = Config { users, ..Config::default() };
    let Some(server) = ClickHouse::start_with(&config) else { return };
    let everybody = connect(server.port(), "assay");
    migrate(&everybody, None).await.expect("an administrator may");
    // Who writes needs no more than the role of writers has, reorganisations included.
    let sink = open(&connect_as(server.port(), "assay", "indexer"), &bitcoin()).await;
    let batches = chain(5, b"u");
    for batch in &batches {
        commit(&sink, batch).await;
    }
    sink.revert(batches[2].last, &[]).await.expect("reverted");
    for batch in &batches[3..] {
        commit(&sink, batch).await;
    }
    assert_holds(&everybody, Chain::Bitcoin, &batches).await;
    // Who reads may not.
    let error = refused(&connect_as(server.port(), "assay", "analyst")).await;
    let text = error.to_string();
    assert!(text.contains("code 497") && text.contains("cannot write to the log"), "{text}");
    assert!(!error.is_passing());
    let error = refused(&connect_as(server.port(), "assay", "nobody")).await;
    let text = error.to_string();
    assert!(text.contains("code 516") && text.contains("--store-password-file"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_program_are_left_alone() {
    let Some(connection) = shared("versions") else { return };
    let server = ClickHouse::shared().expect("it is there");
    drop(open(&connection, &bitcoin()).await);
    let again = migrate(&connection, None).await.expect("nothing to do");
    assert!(again.applied.is_empty(), "{again:?}");

    server
        .query("INSERT INTO versions.migrations (number, name) VALUES (999, '0999_new')")
        .expect("inserted");
    let error = refused(&connection).await.to_string();
    assert!(error.contains("migration 999") && error.contains("use a newer one"), "{error}");
    let delete = |number: u32| {
        let sql = format!(
            "DELETE FROM versions.migrations WHERE number = {number} \
             SETTINGS lightweight_deletes_sync = 2"
        );
        server.query(&sql).expect("deleted")
    };
    delete(999);
    drop(open(&connection, &bitcoin()).await);

    delete(5);
    let error = refused(&connection).await.to_string();
    assert!(error.contains("run `assay store migrate"), "{error}");
    migrate(&connection, None).await.expect("brought up to date");
    schema(&connection, Access::Read).await.expect("up to date");

    server.query("ALTER TABLE versions.bitcoin_outputs DROP COLUMN is_spendable").expect("dropped");
    let error = refused(&connection).await.to_string();
    assert!(error.contains("bitcoin_outputs has 9 columns, not 10"), "{error}");
}
