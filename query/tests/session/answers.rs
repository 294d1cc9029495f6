//! Answers that are given again.

use arrow::array::RecordBatch;
use assay_model::lake::SCHEMA_VERSION;
use assay_query::{Access, QueryError, Session, SessionOptions, Store, Terms};
use futures::TryStreamExt;

use crate::holdings::{BLOCKS, MadeUp};
use crate::support::{lake, ok};

/// A session that keeps answers of up to 64 KiB.
async fn open(dir: &std::path::Path) -> Session {
    let store = Store::Lake(dir.to_owned());
    let options = SessionOptions { store, answers_bytes: 1 << 20, ..SessionOptions::default() };
    Session::open(options).await.expect("a lake")
}

async fn ask(session: &Session, sql: &str, access: Access) -> Result<Vec<RecordBatch>, QueryError> {
    let statement = session.statements(sql)?.pop().expect("a statement");
    let terms = Terms { access, ..Terms::default() };
    session.run_on(statement, terms).await?.try_collect().await.map_err(QueryError::from)
}

/// Whether the second of two equal questions gets the very rows of the first.
async fn is_kept(session: &Session, sql: &str) -> bool {
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(ask(session, sql, Access::Everything).await.expect(sql));
    }
    let same = |(a, b): (&RecordBatch, &RecordBatch)| {
        a.columns().iter().zip(b.columns()).all(|(a, b)| a.to_data().ptr_eq(&b.to_data()))
    };
    answers[0].len() == answers[1].len() && answers[0].iter().zip(&answers[1]).all(same)
}

#[tokio::test]
async fn what_follows_from_the_blocks_is_answered_again() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    let chain = MadeUp::new(3);
    chain.write(dir.path(), 0..BLOCKS / 2);
    let session = open(dir.path()).await;
    for sql in [
        "select count(*) from bitcoin.outputs",
        "select address, sum(value) from bitcoin.outputs group by 1 order by 1",
        "select * from bitcoin.balances order by 1",
        "select block_time('bitcoin', max(height)) from bitcoin.blocks",
        "select max(price) from reference.prices where exists (select 1 from bitcoin.blocks)",
    ] {
        assert!(is_kept(&session, sql).await, "{sql}");
    }
    for sql in [
        "select now(), count(*) from bitcoin.blocks",
        "select random() from bitcoin.blocks where height = 1",
        "select height from bitcoin.blocks where exists (select 1 from bitcoin.blocks where time < now())",
        "explain analyze select count(*) from bitcoin.blocks",
        "select count(*) from system.segments",
        // Larger than what is kept of one.
        "select a.*, b.* from bitcoin.blocks as a cross join bitcoin.outputs as b",
    ] {
        assert!(!is_kept(&session, sql).await, "{sql}");
    }
}

#[tokio::test]
async fn new_blocks_and_other_readers_get_answers_of_their_own() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write_info(dir.path(), SCHEMA_VERSION);
    let chain = MadeUp::new(3);
    chain.write(dir.path(), 0..BLOCKS / 2);
    let session = open(dir.path()).await;
    let count = "select count(*) from bitcoin.blocks";
    assert_eq!(ok(&session, count).await, [(BLOCKS / 2).to_string()]);
    let refused = ask(&session, count, Access::Results).await;
    assert!(matches!(refused, Err(QueryError::Forbidden { .. })), "{refused:?}");
    chain.write(dir.path(), BLOCKS / 2..BLOCKS);
    assert_eq!(ok(&session, count).await, [BLOCKS.to_string()]);
    let balances = "select count(*) from analytics.balances";
    assert_eq!(ok(&session, balances).await, ["0"]);
    crate::balances::analyze(&session).await;
    assert_ne!(ok(&session, balances).await, ["0"]);
}
