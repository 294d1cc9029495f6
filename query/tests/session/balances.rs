//! `analytics.balances`, against the view that adds everything up.

use std::fs;
use std::ops::ControlFlow;

use assay_model::Chain;
use assay_model::lake::SCHEMA_VERSION;
use assay_query::analyses::balances::{Options, Summary, run};
use assay_query::{Asset, Session};

use crate::holdings::{BLOCKS, MadeUp};
use crate::support::lake;
use crate::support::{ok, open};

const OPTIONS: Options = Options { asset: Asset::Coin(Chain::Bitcoin), confirmations: Some(3) };

pub async fn analyze(session: &Session) -> Summary {
    run(session, &OPTIONS, |_| ControlFlow::Continue(())).await.expect("balances")
}

#[tokio::test]
async fn balances_go_on_from_where_they_were_and_are_those_of_the_view() {
    let chain = MadeUp::new(11);
    let parts = tempfile::tempdir().expect("a folder");
    lake::write_info(parts.path(), SCHEMA_VERSION);
    let mut heights = Vec::new();
    for range in [0..2, 2..30, 30..31, 31..BLOCKS] {
        chain.write(parts.path(), range.clone());
        let session = open(parts.path()).await;
        let summary = analyze(&session).await;
        assert_eq!(summary.anew, None);
        heights.push(summary.height);
        let Some(height) = summary.height else { continue };
        assert_eq!(height, range.end - 3);
        let kept = "select address, balance, height from analytics.balances order by 1";
        let view = format!(
            "select address, balance, {height} from balances_at('bitcoin', {height}) order by 1"
        );
        assert_eq!(ok(&session, kept).await, ok(&session, &view).await);
        let again = analyze(&session).await;
        assert_eq!((again.addresses, again.height), (None, summary.height));
    }
    assert_eq!(heights[0], None);

    let whole = tempfile::tempdir().expect("a folder");
    lake::write_info(whole.path(), SCHEMA_VERSION);
    chain.write(whole.path(), 0..BLOCKS);
    let summary = analyze(&open(whole.path()).await).await;
    let file = |dir: &std::path::Path| {
        let name = format!("balances-{:09}-", summary.height.expect("a height"));
        let entries = fs::read_dir(dir.join("analytics/balances-bitcoin")).expect("a series");
        let mut paths = entries.map(|entry| entry.expect("a file").path());
        let found = paths
            .find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&name)));
        fs::read(found.expect("the table's file")).expect("a file")
    };
    assert!(file(parts.path()) == file(whole.path()), "the files differ");
    // Stopped, it changes nothing.
    let other = tempfile::tempdir().expect("a folder");
    lake::write_info(other.path(), SCHEMA_VERSION);
    chain.write(other.path(), 0..BLOCKS);
    let session = open(other.path()).await;
    let stopped = run(&session, &OPTIONS, |_| ControlFlow::Break(())).await.expect("a part");
    assert!(stopped.is_stopped && stopped.height.is_none());
    assert_eq!(ok(&session, "select count(*) from analytics.balances").await, ["0"]);
}
