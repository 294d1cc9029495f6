//! Ether that contracts move: what the rows say of it is what the node says, to the wei, in every
//! account and at every height.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256, address, hex};
use serde_json::{Value, json};

use crate::anvil::bounded;
use crate::cells::read;
use crate::check::{self, Chain};
use crate::scene::Scene;

/// Who only inherits.
const HEIR: Address = address!("00000000000000000000000000000000000000ee");
/// Who only inherits, too.
const OTHER: Address = address!("00000000000000000000000000000000000000ef");
/// A contract of the protocol: SHA-256.
const PRECOMPILE: Address = Address::with_last_byte(2);
/// What contracts have from the beginning.
const CAPITAL: u64 = 1_000_000;

/// The contracts of a chain.
struct Cast {
    purse: Address,
    refuser: Address,
    spender: Address,
    maker: Address,
    /// Code that others run in their own account.
    library: Address,
}

impl Cast {
    async fn of(scene: &Scene) -> Cast {
        Cast {
            purse: scene.create("Purse", 0).await,
            refuser: scene.create("Refuser", 0).await,
            spender: scene.create("Spender", CAPITAL).await,
            maker: scene.create("Maker", CAPITAL).await,
            library: scene.create("Spender", 0).await,
        }
    }
}

/// Calls that succeed; to the purse go 11 + 13 + 17 + 19 + 23 wei.
async fn pay(scene: &Scene, cast: &Cast) {
    let &Cast { purse, spender, library, .. } = cast;
    let to_purse = |value: u64| [purse.into(), value.into()];
    let by_library = |value: u64| [library.into(), purse.into(), value.into()];
    scene.run(spender, "pay(address,uint256)", &to_purse(11), 0).await;
    scene.run(spender, "pay(address,uint256)", &to_purse(13), 12).await;
    scene.run(spender, "payBy(address,address,uint256)", &by_library(17), 3).await;
    scene.run(spender, "payByOld(address,address,uint256)", &by_library(19), 3).await;
    let deep = [5.into(), purse.into(), 23.into()];
    scene.run(spender, "payDeep(uint256,address,uint256)", &deep, 23).await;
    scene.run(spender, "look(address)", &[purse.into()], 1).await;
    // To itself, to contracts of the protocol, and nothing at all.
    for (to, value) in [(spender, 5), (PRECOMPILE, 7), (purse, 0)] {
        scene.run(spender, "offer(address,uint256)", &[to.into(), value.into()], 0).await;
        scene.pay(to, value).await;
    }
    scene.pay(scene.accounts[0], 9).await;
}

/// Calls that fail, alone or with all that they did; nobody gets anything.
async fn fail(scene: &Scene, cast: &Cast) {
    let &Cast { purse, refuser, spender, maker, .. } = cast;
    let too_much = [purse.into(), (1_000 * CAPITAL).into()];
    scene.run(spender, "offer(address,uint256)", &[refuser.into(), 29.into()], 2).await;
    scene.run(spender, "offer(address,uint256)", &too_much, 2).await;
    scene.run(spender, "undo(address,uint256)", &[purse.into(), 31.into()], 2).await;
    scene.run(maker, "makeNothing(uint256)", &[37.into()], 2).await;
    scene.run(maker, "undo(address,uint256)", &[HEIR.into(), 41.into()], 2).await;
    let arguments = [purse.into(), 43.into()];
    scene.fail(scene.calling(spender, "payAndFail(address,uint256)", &arguments, 2)).await;
    scene.fail(scene.calling(spender, "pay(address,uint256)", &too_much, 2)).await;
    scene.fail(scene.creation("Stillborn", 47)).await;
    scene.fail(json!({ "from": scene.accounts[0], "to": refuser, "value": "0x2b" })).await;
    let mut waste = scene.calling(spender, "waste()", &[], 53);
    waste["gas"] = json!("0x30d40");
    scene.fail(waste).await;
}

/// Creations, and ends in the transaction of the creation. The heir gets 61 + 67 + 71 + 33 + 73
/// wei, the other one 71.
async fn make(scene: &Scene, cast: &Cast) {
    let maker = cast.maker;
    let salt = B256::with_last_byte(1);
    let salted = |value: u64| [U256::from(1).into(), HEIR.into(), value.into()];
    scene.run(maker, "make(uint256)", &[57.into()], 2).await;
    scene.run(maker, "make(uint256)", &[0.into()], 0).await;
    scene.run(maker, "makeAt(bytes32,uint256)", &[2.into(), 59.into()], 2).await;
    scene.run(maker, "makeAndEnd(address,uint256)", &[HEIR.into(), 61.into()], 2).await;
    scene.run(maker, "makeEndAndPay(address,uint256)", &[HEIR.into(), 67.into()], 2).await;
    let heirs = [HEIR.into(), OTHER.into(), 71.into()];
    scene.run(maker, "makeAndEndTwice(address,address,uint256)", &heirs, 2).await;
    scene.run(maker, "makeAndEndInItself(uint256)", &[79.into()], 2).await;
    // It has something before it is there.
    let code = hex::decode(scene.code("Mortal")).expect("hex");
    scene.pay(maker.create2_from_code(salt, code), 33).await;
    for value in [73, 0] {
        scene.run(maker, "makeAtAndEnd(bytes32,address,uint256)", &salted(value), 2).await;
    }
}

/// Ends of contracts that were there before. The heir gets 83 + 5 + 113 + 3 wei.
async fn end(scene: &Scene) {
    let signature = "end(address)";
    let mortal = scene.create("Mortal", 83).await;
    scene.run(mortal, signature, &[HEIR.into()], 5).await;
    scene.pay(mortal, 89).await;
    // Since Cancun it is still there; before, there is nothing that could end.
    scene.run(mortal, signature, &[scene.accounts[1].into()], 6).await;
    let selfish = scene.create("Mortal", 97).await;
    for value in [7, 0] {
        // Since Cancun, it keeps what it has; before, the second call finds no code.
        scene.run(selfish, signature, &[selfish.into()], value).await;
    }
    scene.pay(selfish, 101).await;
    let poor = scene.create("Mortal", 0).await;
    let puppet = scene.create("Spender", 113).await;
    scene.run(puppet, "endBy(address,address)", &[poor.into(), HEIR.into()], 3).await;
    scene.run(poor, signature, &[HEIR.into()], 0).await;
}

/// Whoever gets the fees pays and is paid otherwise, too.
async fn mine(scene: &Scene, cast: &Cast) {
    let [sender, other, third] = scene.accounts;
    for miner in [other, sender, cast.spender, cast.purse] {
        scene.set_miner(miner).await;
        scene.run(cast.spender, "payMiner(uint256)", &[103.into()], 2).await;
    }
    let pay = |from: Address, value| json!({ "from": from, "to": HEIR, "value": value });
    let arguments = [cast.purse.into(), 107.into()];
    let together = [
        pay(other, "0x0"),
        scene.calling(cast.spender, "payAndFail(address,uint256)", &arguments, 2),
        scene.calling(cast.spender, "payMiner(uint256)", &arguments[1..], 2),
        pay(third, "0x0"),
        scene.creation("Mortal", 109),
    ];
    scene.anvil.send_together(together).await;
}

/// Wei of all flows of the `kind`.
fn sum(chain: &Chain, kind: &str) -> U256 {
    let flows = chain.rows("value_flows");
    let of_kind = flows.iter().filter(|flow| flow["kind"] == kind);
    of_kind.map(|flow| read::<U256>(flow, "value")).sum()
}

fn expected<const N: usize>(values: &[[&str; N]]) -> BTreeSet<[String; N]> {
    values.iter().map(|value| value.map(str::to_owned)).collect()
}

/// What the chain must be made of, so that the comparisons compare something.
async fn check_story(scene: &Scene, cast: &Cast, chain: &Chain, is_cancun: bool) {
    let kinds = [["transfer"], ["internal"], ["priority_fee"], ["base_fee_burn"], ["destroyed"]];
    assert_eq!(chain.values("value_flows", ["kind"]), expected(&kinds));
    let steps = [
        ["call", "call"],
        ["call", "callcode"],
        ["call", "delegatecall"],
        ["call", "staticcall"],
        ["create", "create"],
        ["create", "create2"],
        ["selfdestruct", ""],
    ];
    assert_eq!(chain.values("traces", ["kind", "call_kind"]), expected(&steps));
    let flows = chain.rows("value_flows");
    let is_to = |account: Address| move |flow: &&Value| flow["to_address"] == json!(account);
    assert_eq!(flows.iter().find(is_to(cast.refuser)), None);
    assert_eq!(scene.balance(cast.refuser).await, U256::ZERO);
    assert_eq!(scene.balance(HEIR).await, U256::from(61 + 67 + 71 + 33 + 73 + 83 + 5 + 113 + 3));
    assert_eq!(scene.balance(OTHER).await, U256::from(71));
    // Paid to what has ended, and kept by what ends in itself: since Cancun only if it is new.
    let gone = if is_cancun { 67 + 79 } else { 67 + 79 + 97 + 7 };
    assert_eq!(sum(chain, "destroyed"), U256::from(gone));
}

async fn check(hardfork: &str, is_cancun: bool) {
    let Some(scene) = Scene::start(hardfork).await else { return };
    let cast = Cast::of(&scene).await;
    pay(&scene, &cast).await;
    assert_eq!(scene.balance(cast.purse).await, U256::from(11 + 13 + 17 + 19 + 23));
    fail(&scene, &cast).await;
    assert_eq!(scene.balance(cast.purse).await, U256::from(11 + 13 + 17 + 19 + 23));
    make(&scene, &cast).await;
    end(&scene).await;
    mine(&scene, &cast).await;
    let chain = check::all(&scene.anvil).await;
    check_story(&scene, &cast, &chain, is_cancun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ether_is_where_the_node_says_since_shanghai() {
    bounded(check("shanghai", false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ether_is_where_the_node_says_since_cancun() {
    bounded(check("cancun", true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ether_is_where_the_node_says_since_prague() {
    bounded(check("prague", true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ether_is_where_the_node_says_since_osaka() {
    bounded(check("osaka", true)).await;
}
