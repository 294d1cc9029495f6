//! Transactions of every type that the node takes, alone and together in blocks.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};

use crate::anvil::bounded;
use crate::cells::{quantity, read};
use crate::check::{self, Chain};
use crate::scene::Scene;
use crate::signed::Stranger;

/// Price of gas, and the part of it for the miner, wei.
const PRICE: u64 = 3_000_000_000;
const TIP: u64 = 1_500_000_000;

/// `transaction` with further fields.
fn with(mut transaction: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { unreachable!("objects are written above") };
    transaction.as_object_mut().expect("an object").extend(fields);
    transaction
}

/// Transactions of the types 0, 1 and 2, each of which calls `spender` to pay `purse`.
fn priced(scene: &Scene, spender: Address, purse: Address) -> Vec<Value> {
    let keys = json!([B256::ZERO, B256::with_last_byte(1)]);
    let list = json!([
        { "address": purse, "storageKeys": keys },
        { "address": spender, "storageKeys": [] },
    ]);
    let fields = [
        json!({ "gasPrice": quantity(PRICE) }),
        json!({ "gasPrice": quantity(PRICE), "accessList": list }),
        json!({ "gasPrice": quantity(PRICE), "accessList": [] }),
        json!({ "maxFeePerGas": quantity(PRICE), "maxPriorityFeePerGas": quantity(TIP) }),
        // The miner gets what the base fee leaves; or nothing.
        json!({ "maxFeePerGas": quantity(PRICE), "maxPriorityFeePerGas": quantity(PRICE) }),
        json!({ "maxFeePerGas": quantity(PRICE), "maxPriorityFeePerGas": "0x0" }),
        json!({ "maxFeePerGas": quantity(PRICE), "accessList": list }),
    ];
    let arguments = [purse.into(), 5.into()];
    let call = scene.calling(spender, "pay(address,uint256)", &arguments, 6);
    fields.into_iter().map(|fields| with(call.clone(), fields)).collect()
}

/// Transactions that fail: by what the code says, for want of gas, and while creating.
fn failing(scene: &Scene, spender: Address, refuser: Address) -> Vec<Value> {
    let refused = scene.calling(refuser, "", &[], 8);
    let waste = with(scene.calling(spender, "waste()", &[], 9), json!({ "gas": "0x30d40" }));
    let pay = scene.calling(spender, "pay(address,uint256)", &[refuser.into(), 5.into()], 6);
    let other = json!({ "from": scene.accounts[1], "gasPrice": quantity(PRICE) });
    vec![refused, waste, with(scene.creation("Stillborn", 10), other), pay]
}

/// A stranger's account gets the code of `library`, and pays `purse`.
async fn delegate(scene: &Scene, library: Address, purse: Address) -> Stranger {
    let stranger = Stranger::new(0x11);
    scene.pay(stranger.address, 100).await;
    let arguments = [purse.into(), 40.into()];
    let pay = scene.calling(stranger.address, "pay(address,uint256)", &arguments, 1);
    let list = json!([
        stranger.authorization(31_337, library, 0),
        // No longer its nonce, and another chain: without effect.
        stranger.authorization(0, purse, 0),
        stranger.authorization(5, purse, 1),
    ]);
    scene.succeed(with(pay.clone(), json!({ "authorizationList": list }))).await;
    scene.succeed(pay).await;
    assert_eq!(scene.balance(stranger.address).await, U256::from(100 + 1 + 1 - 40 - 40));
    stranger
}

/// A stranger pays `purse` with transactions that the node would not make.
async fn pay_strangely(scene: &Scene, purse: Address) {
    let stranger = Stranger::new(0x22);
    scene.pay(stranger.address, 1_000_000_000_000_000_000).await;
    // Blobs do not stand in blocks (EIP-4844). This node's header would commit to those that it is
    // sent, so it gets none; it misses them only from accounts that it does not play.
    scene.anvil.call("anvil_impersonateAccount", json!([stranger.address])).await;
    let raw =
        [stranger.payment(0, PRICE, purse, 3), stranger.blob_transaction(31_337, 1, PRICE, purse)];
    for raw in raw {
        let receipt = scene.anvil.send_raw(&raw).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
    }
}

/// The chain must be made of every type, in success and failure.
fn check_story(chain: &Chain, stranger: &Stranger) {
    let rows = chain.rows("transactions");
    let types: BTreeSet<u64> = rows.iter().map(|row| read::<U256>(row, "type").to()).collect();
    assert_eq!(types, BTreeSet::from([0, 1, 2, 3, 4]));
    assert_eq!(rows.iter().filter(|row| row["is_failed"] == true).count(), 8);
    let authorizations = rows.iter().filter_map(|row| row["authorizations"].as_array());
    let authorities: Vec<&Value> =
        authorizations.flatten().map(|item| &item["authority"]).collect();
    assert_eq!(authorities, vec![&json!(stranger.address); 3]);
    let kinds = chain.values("value_flows", ["kind"]);
    let expected = ["transfer", "internal", "priority_fee", "base_fee_burn", "blob_fee_burn"];
    assert_eq!(kinds, BTreeSet::from(expected.map(|kind| [kind.to_owned()])));
    assert!(rows.iter().any(|row| row["tx_index"] == "0x6"));
}

async fn make_and_check() {
    let Some(scene) = Scene::start("prague").await else { return };
    scene.set_miner(Address::with_last_byte(0xc0)).await;
    let purse = scene.create("Purse", 0).await;
    let refuser = scene.create("Refuser", 0).await;
    let spender = scene.create("Spender", 1000).await;
    for transaction in priced(&scene, spender, purse) {
        scene.succeed(transaction).await;
    }
    for transaction in failing(&scene, spender, refuser) {
        scene.fail(transaction).await;
    }
    let small = |transaction| with(transaction, json!({ "gas": "0x61a80" }));
    scene.anvil.send_together(priced(&scene, spender, purse).into_iter().map(small)).await;
    scene.anvil.send_together(failing(&scene, spender, refuser)).await;
    pay_strangely(&scene, purse).await;
    let library = scene.create("Spender", 0).await;
    let stranger = delegate(&scene, library, purse).await;
    let chain = check::all(&scene.anvil).await;
    check_story(&chain, &stranger);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_every_type_are_what_the_node_says() {
    bounded(make_and_check()).await;
}
