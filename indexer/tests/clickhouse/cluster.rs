//! Three real servers as one cluster without a Keeper: rows are on their shards, nodes are lost and
//! come back, and nothing is lost or doubled.

use std::sync::OnceLock;
use std::time::Duration;

use arrow::ipc::writer::StreamWriter;
use assay_clickhouse::{
    Access, Cluster, Connection, Error, Insert, Log, Schema, local_name, migrate, schema, stored,
    table_name,
};
use assay_fixtures::clickhouse::{CLUSTER, ClickHouse, Cluster as Servers};
use assay_indexer::decode::Decode;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::sink::Sink;
use assay_indexer::sink::clickhouse::ClickHouseSink;
use assay_model::{Batch, Chain, Network};

use crate::block::raw_block;
use crate::mined;
use crate::server::{LIMITS, assert_holds, look};
use crate::stored::{bitcoin, commit, open};

/// Blocks of a chain: they are on all three shards, which change every thousand.
const BLOCKS: u64 = 2_500;
/// How often is looked whether something has happened.
const INTERVAL: Duration = Duration::from_millis(20);

/// A chain that `name` tells from others, in batches of `size` blocks.
fn chain(size: usize, name: &[u8]) -> Vec<Batch> {
    let mut parent = [0; 32];
    let blocks = (0..BLOCKS).map(|height| {
        let raw = raw_block(height, mined::block(height, parent, name), &[]);
        parent = raw.block.hash.to_wire();
        raw
    });
    let blocks: Vec<_> = blocks.collect();
    let decoder = Decoder { network: Network::Regtest, with_scripts: true };
    let decode = |blocks| decoder.decode(blocks).map_err(|(_, error)| error.fault);
    blocks.chunks(size).map(|blocks| decode(blocks).expect("valid blocks")).collect()
}

/// The cluster of the tests that leave it as it is.
fn shared() -> Option<&'static Servers> {
    static SHARED: OnceLock<Option<Servers>> = OnceLock::new();
    SHARED.get_or_init(Servers::start).as_ref()
}

/// A connection to `nodes`, in this order, and their database `name`.
fn connect(nodes: &[&ClickHouse], name: &str) -> Connection {
    let hosts: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let address = format!("clickhouse://{}/{name}", hosts.join(","));
    let address = address.parse().expect("an address");
    Connection::with_limits(&address, None, LIMITS).expect("certificates")
}

fn without_keeper() -> Cluster {
    Cluster { name: CLUSTER.to_owned(), has_keeper: false }
}

/// A connection to all nodes, beginning with the one after `first` others, and tables behind it.
async fn made(servers: &Servers, first: usize, name: &str) -> Connection {
    let mut nodes: Vec<_> = servers.nodes.iter().collect();
    nodes.rotate_left(first);
    let connection = connect(&nodes, name);
    migrate(&connection, Some(&without_keeper())).await.expect("an empty database");
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_has_the_tables_and_the_address_names_every_node() {
    let Some(servers) = shared() else { return };
    let [first, second, third] = servers.nodes.as_slice() else { panic!("three nodes") };
    let all = connect(&[first, second, third], "made");
    let error = schema(&all, Access::Read).await.expect_err("there is nothing");
    assert!(matches!(error, Error::OldSchema { found: 0, .. }), "{error}");
    // What a cluster is called is not known to who only writes.
    let error = ClickHouseSink::open(all.clone(), &bitcoin()).await.err().expect("no tables");
    assert!(error.to_string().contains("assay store migrate"), "{error}");
    let refused = async |connection: &Connection, cluster: Option<&Cluster>| {
        migrate(connection, cluster).await.expect_err("refused").to_string()
    };
    let cluster = without_keeper();
    let error = refused(&all, None).await;
    assert!(error.contains("names several servers"), "{error}");
    let error = refused(&connect(&[first, third], "made"), Some(&cluster)).await;
    assert!(error.contains("shard 2 is missing: 127.0.0.1"), "{error}");
    let other = Cluster { name: "other".to_owned(), has_keeper: false };
    let error = refused(&all, Some(&other)).await;
    assert!(error.contains("knows no cluster 'other'"), "{error}");
    let twice = format!("clickhouse://127.0.0.1:{0},localhost:{0}/made", first.port());
    let twice = Connection::new(&twice.parse().expect("an address"), None).expect("certificates");
    let error = refused(&twice, Some(&cluster)).await;
    assert!(error.contains("names twice"), "{error}");

    let done = migrate(&all, Some(&cluster)).await.expect("an empty database");
    assert!(!done.applied.is_empty());
    let again = migrate(&all, Some(&cluster)).await.expect("nothing to do");
    assert!(again.applied.is_empty(), "{again:?}");
    for node in &servers.nodes {
        let alone = connect(&[node], "made");
        assert_eq!(
            schema(&alone, Access::Read).await.expect("the same"),
            Schema { cluster: Some(cluster.clone()) }
        );
        // Whoever writes has to reach all nodes.
        let error = ClickHouseSink::open(alone, &bitcoin()).await.err().expect("refused");
        assert!(error.to_string().contains("is missing"), "{error}");
    }
    let with = Cluster { has_keeper: true, ..cluster };
    let error = refused(&all, Some(&with)).await;
    assert!(error.contains("made for the cluster 'assay' without a Keeper"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_a_block_are_on_one_shard_and_come_back() {
    let Some(servers) = shared() else { return };
    let connection = made(servers, 0, "spread").await;
    let batches = chain(250, b"s");
    let sink = open(&connection, &bitcoin()).await;
    for batch in &batches {
        commit(&sink, batch).await;
    }
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
    for (shard, node) in servers.nodes.iter().enumerate() {
        let tables: Vec<_> = Chain::Bitcoin.tables().iter().collect();
        for table in tables.iter().filter(|table| table.name != "inputs") {
            let sql = format!(
                "SELECT DISTINCT intDiv(height, 1000) FROM spread.{} ORDER BY 1",
                local_name(table)
            );
            assert_eq!(node.query(&sql).as_deref(), Ok(&*format!("{shard}\n")), "{}", table.name);
        }
        let logged = node.query("SELECT count() > 0 FROM spread.commits_local");
        assert_eq!(logged.as_deref(), Ok(if shard == 0 { "1\n" } else { "0\n" }));
    }
    // Another writer begins, on another node; what was committed is not committed again.
    let other = made(servers, 2, "spread").await;
    let second = open(&other, &bitcoin()).await;
    for batch in &batches {
        commit(&second, batch).await;
    }
    assert_holds(&other, Chain::Bitcoin, &batches).await;
    let to = batches[6].last;
    let error = sink.revert(to, &[]).await.expect_err("the second has begun");
    assert!(error.to_string().contains("another assay has begun"), "{error}");
    // Back from the third shard into the second.
    second.revert(to, &[]).await.expect("reverted");
    assert_holds(&other, Chain::Bitcoin, &batches[..7]).await;
    let new = chain(250, b"s");
    for batch in &new[7..] {
        commit(&second, batch).await;
    }
    assert_holds(&other, Chain::Bitcoin, &new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_again_with_their_token_are_stored_once() {
    let Some(servers) = shared() else { return };
    let connection = made(servers, 0, "token").await;
    let batch = &chain(BLOCKS as usize, b"t")[0];
    let (table, rows) = batch.tables().next().expect("a table");
    let rows = stored(table, rows).expect("within the types");
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema()).expect("in memory");
    writer.write(&rows).expect("in memory");
    let stream: Vec<u8> = writer.into_inner().expect("in memory");
    // Through every node: the token is the shard's, not the node's that passes the rows on.
    for (number, node) in connection.each().enumerate() {
        let insert = Insert {
            table: &table_name(table),
            rows: stream.clone().into(),
            query_id: &format!("token-{number}"),
            token: "the same",
            action: "insert",
        };
        node.insert(insert).await.expect("stored, or known");
    }
    let count = format!("SELECT count() FROM token.{}", table_name(table));
    assert_eq!(servers.nodes[1].query(&count), Ok(format!("{BLOCKS}\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shard_refuses_is_said_with_table_heights_and_code() {
    let Some(servers) = shared() else { return };
    let connection = made(servers, 0, "refusing").await;
    let sink = open(&connection, &bitcoin()).await;
    let nothing = "ALTER TABLE refusing.bitcoin_outputs_local ADD CONSTRAINT no CHECK height < 0";
    servers.nodes[1].query(nothing).expect("added");
    let batches = chain(500, b"r");
    commit_some(&sink, &batches[..2]).await;
    let encoded = sink.encode(&batches[2]).expect("rows");
    let error = sink.commit(encoded).await.expect_err("the shard takes none").to_string();
    assert!(error.contains("bitcoin_outputs, heights 1000 to 1499"), "{error}");
    assert!(error.contains("code 469"), "{error}");
    let watermark = Log::new(connection, Chain::Bitcoin).last().await.expect("readable");
    let watermark = watermark.and_then(|last| last.watermark);
    assert_eq!(watermark, Some(batches[1].last));
}

async fn commit_some(sink: &ClickHouseSink, batches: &[Batch]) {
    for batch in batches {
        commit(sink, batch).await;
    }
}

/// The height of the watermark, as `log` has it.
async fn height(log: &Log) -> Result<u64, Error> {
    let last = log.last().await?;
    Ok(last.and_then(|last| last.watermark).map_or(0, |block| block.height))
}

/// Kills the node at `place` once the watermark is at `from`, asks for the log, and brings it back.
async fn lose(
    servers: &mut Servers,
    place: usize,
    connection: &Connection,
    from: u64,
) -> Result<u64, Error> {
    let log = &Log::new(connection.clone(), Chain::Bitcoin);
    while height(log).await.expect("all nodes are there") < from {
        tokio::time::sleep(INTERVAL).await;
    }
    servers.nodes[place].kill();
    // What was counted already may be visible yet.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = height(log).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = height(log).await;
    if let (Ok(before), Ok(after)) = (&before, &after) {
        assert_eq!(before, after, "nothing gets visible that cannot be counted");
        schema(connection, Access::Read).await.expect("what there is can be read, too");
    }
    tokio::task::block_in_place(|| servers.nodes[place].restart());
    after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn lost_nodes_are_waited_for() {
    let Some(mut servers) = Servers::start() else { return };
    // The address begins with the second shard.
    let connection = made(&servers, 1, "lost").await;
    let batches = chain(50, b"l");
    let sink = open(&connection, &bitcoin()).await;
    let all = batches.clone();
    let writer = tokio::spawn(async move { commit_some(&sink, &all).await });
    let reader = tokio::spawn({
        let connection = connection.clone();
        async move {
            loop {
                look(&connection, Chain::Bitcoin).await.expect("what is visible is whole");
                tokio::time::sleep(INTERVAL).await;
            }
        }
    });
    // The shard that is written to, and the node that was asked until then: the next one knows the log.
    lose(&mut servers, 1, &connection, 1_200).await.expect("the log is on another node");
    // One that is not written to: rows cannot be counted without it either.
    lose(&mut servers, 2, &connection, 1_500).await.expect("the log is on another node");
    // The node of the log.
    let error = lose(&mut servers, 0, &connection, 1_800).await.expect_err("the log is away");
    let sql = "SELECT concat(host_address, ':', toString(port)) FROM system.clusters \
               WHERE cluster = 'assay' AND shard_num = 1";
    let place = servers.nodes[1].query(sql).expect("it knows");
    assert!(error.to_string().contains(place.trim()), "{error}");
    assert!(error.is_passing() && error.code() == Some(279), "{error}");

    writer.await.expect("every batch is committed in the end");
    assert!(!reader.is_finished(), "{:?}", reader.await);
    reader.abort();
    assert_holds(&connection, Chain::Bitcoin, &batches).await;
}
