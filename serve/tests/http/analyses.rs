//! Ready analyses: what they answer over a lake that is known by heart.

use serde_json::{Value, json};

use super::client::{client, problem, rows, url};
use crate::server::{Server, Setup};

async fn get(server: &Server, path: &str) -> Value {
    rows(client().get(url(server, path))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_can_be_asked() {
    let server = Server::start(Setup::default()).await;
    let status = get(&server, "/api/status").await;
    assert_eq!(status[0]["chain"], "bitcoin");
    assert_eq!((&status[0]["network"], &status[0]["height"]), (&json!("regtest"), &json!(7)));
    let tables = get(&server, "/api/tables").await;
    let names: Vec<_> = tables.as_array().expect("rows").iter().map(|row| &row["name"]).collect();
    assert!(names.contains(&&json!("bitcoin.balances")), "{names:?}");
    let columns = get(&server, "/api/columns?table=bitcoin.balances").await;
    assert_eq!(columns[1]["name"], "balance");
    assert_eq!(columns[1]["is_nullable"], true);
    assert_eq!(get(&server, "/api/columns?table=no.where").await, json!([]));
    let functions = get(&server, "/api/functions").await;
    let functions = functions.as_array().expect("rows");
    assert!(functions.iter().any(|row| row["name"] == "balances_at"));
}

#[tokio::test(flavor = "multi_thread")]
async fn holdings_are_those_of_the_block_that_is_asked_for() {
    let server = Server::start(Setup::default()).await;
    // At 7: bob 130, dave 120, erin 50; carol's is spent, alice's too.
    let now = get(&server, "/api/holdings").await;
    let row = &now[0];
    assert_eq!((&row["asset"], &row["basis"]), (&json!("bitcoin"), &json!("address")));
    assert_eq!((&row["height"], &row["holders"]), (&json!(7), &json!(3)));
    assert_eq!(row["supply"], "30000000000");
    assert_eq!(row["nakamoto"], 2);
    assert_eq!(row["time"], "2009-01-10T00:00:00Z");
    // Of 50, 120, 130: 2·(50 + 240 + 390) / (3·300) − 4/3.
    let gini = row["gini"].as_f64().expect("a number");
    assert!((gini - (2.0 * 680.0 / 900.0 - 4.0 / 3.0)).abs() < 1e-12, "{gini}");
    assert_eq!(get(&server, "/api/holdings?threshold=0.9").await[0]["nakamoto"], 3);

    // At 1 only alice holds something that can be spent.
    for at in ["1", "2009-01-04", "2009-01-04T12:00:00Z", "2009-01-04%2012:00:00"] {
        let then = get(&server, &format!("/api/holdings?asset=bitcoin&at={at}")).await;
        assert_eq!((&then[0]["height"], &then[0]["holders"]), (&json!(1), &json!(1)), "{at}");
        assert_eq!(then[0]["supply"], "5000000000", "{at}");
    }
    let brackets = get(&server, "/api/holdings/brackets").await;
    assert_eq!(brackets.as_array().expect("rows").len(), 2, "{brackets}");
    assert_eq!(
        brackets[0],
        json!({
            "from_coins": 10.0, "below_coins": 100.0, "holders": 1,
            "share_of_holders": 1.0 / 3.0, "amount": "5000000000",
            "share_of_supply": 50.0 / 300.0,
        })
    );
    assert_eq!((&brackets[1]["from_coins"], &brackets[1]["holders"]), (&json!(100.0), &json!(2)));
    // In satoshis they are of other brackets, and in coins of 10^14 satoshis in the lowest.
    let brackets = get(&server, "/api/holdings/brackets?decimals=0").await;
    assert_eq!(brackets[0]["from_coins"], 1e9);
    let brackets = get(&server, "/api/holdings/brackets?decimals=14").await;
    assert_eq!(
        (&brackets[0]["from_coins"], &brackets[0]["below_coins"]),
        (&json!(0.0), &json!(0.001))
    );
    let curve = get(&server, "/api/holdings/lorenz?points=3").await;
    let held: Vec<_> =
        curve.as_array().expect("rows").iter().map(|row| row["held"].as_f64()).collect();
    assert_eq!(held, [Some(0.0), Some(50.0 / 300.0), Some(170.0 / 300.0), Some(1.0)]);
    let top = get(&server, "/api/holdings/top?limit=2&at=7").await;
    let names: Vec<_> = top.as_array().expect("rows").iter().map(|row| &row["address"]).collect();
    assert_eq!(names, [&json!("bob"), &json!("dave")]);
    assert_eq!(top[0]["balance"], "13000000000");

    // What is not indexed holds nothing, and what will be is not guessed.
    let ether = get(&server, "/api/holdings?asset=ethereum").await;
    assert_eq!((&ether[0]["holders"], &ether[0]["gini"]), (&json!(0), &Value::Null));
    let token = "0x00000000000000000000000000000000000000aA";
    for path in ["", "/brackets", "/lorenz", "/top"] {
        let url = format!("/api/holdings{path}?asset={token}");
        get(&server, &url).await;
    }
    let response =
        client().get(url(&server, "/api/holdings?at=8")).send().await.expect("an answer");
    let (status, _, detail) = problem(response).await;
    assert_eq!(status, 400);
    assert!(detail.contains("indexed up to height 7"), "{detail}");
    let log = server.stop().await;
    let statement = log[2].statement.as_deref().unwrap_or_default();
    assert!(statement.contains("balances_at('bitcoin', 1)"), "{statement}");
}
