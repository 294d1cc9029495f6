//! Tokens of OpenZeppelin's contracts: their transfers are those that the test caused, and add up to
//! what the contracts say.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};

use crate::anvil::bounded;
use crate::cells::{compare, quantity, read};
use crate::check::{self, Chain};
use crate::contracts::{Argument, call_data};
use crate::scene::Scene;

/// Whom tokens come from that are new, and whom they go to that are burnt.
const NOBODY: Address = Address::ZERO;

/// A token, and the transfers that it and others must have logged so far.
struct Story<'a> {
    scene: &'a Scene,
    expected: Vec<Value>,
}

/// A transfer: sender, receiver, which, and how many.
#[derive(Clone, Copy)]
struct Moved(Address, Address, Option<U256>, U256);

/// A transfer of ERC-20.
fn coins(from: Address, to: Address, value: u64) -> Moved {
    Moved(from, to, None, U256::from(value))
}

/// A transfer of ERC-721.
fn deed(from: Address, to: Address, id: u64) -> Moved {
    goods(from, to, id, 1)
}

/// A transfer of ERC-1155.
fn goods(from: Address, to: Address, id: u64, value: u64) -> Moved {
    Moved(from, to, Some(U256::from(id)), U256::from(value))
}

impl Story<'_> {
    /// `account` calls a function of `token`, which must log that tokens were `moved`.
    async fn run(
        &mut self,
        account: Address,
        (standard, token): (&str, Address),
        (signature, arguments): (&str, &[Argument]),
        moved: &[Moved],
    ) {
        let mut call = self.scene.calling(token, signature, arguments, 0);
        call["from"] = json!(account);
        let receipt = self.scene.succeed(call).await;
        for (batch_index, &Moved(from, to, id, value)) in moved.iter().enumerate() {
            self.expected.push(json!({
                "height": receipt["blockNumber"],
                "tx_hash": receipt["transactionHash"],
                "tx_index": "0x0",
                "log_index": "0x0",
                "batch_index": quantity(batch_index),
                "token": token,
                "standard": standard,
                "operator": (standard == "erc1155").then_some(account),
                "from_address": from,
                "to_address": to,
                "token_id": id.and_then(decimal76),
                "token_id_raw": id.map(B256::from),
                "value": decimal76(value),
                "value_raw": B256::from(value),
            }));
        }
    }
}

/// A number, if it has at most 76 digits.
fn decimal76(number: U256) -> Option<Value> {
    (number.to_string().len() <= 76).then(|| quantity(number))
}

async fn move_coins(story: &mut Story<'_>) {
    let [one, two, three] = story.scene.accounts;
    let address = story.scene.create("Coin", 0).await;
    let coin = ("erc20", address);
    let mint = "mint(address,uint256)";
    let transfer = "transfer(address,uint256)";
    let approve = "approve(address,uint256)";
    let transfer_from = "transferFrom(address,address,uint256)";
    let amount = |to: Address, value: u64| [to.into(), value.into()];
    story.run(one, coin, (mint, &amount(one, 1000)), &[coins(NOBODY, one, 1000)]).await;
    story.run(one, coin, (transfer, &amount(two, 300)), &[coins(one, two, 300)]).await;
    story.run(one, coin, (transfer, &amount(two, 0)), &[coins(one, two, 0)]).await;
    story.run(one, coin, (transfer, &amount(one, 7)), &[coins(one, one, 7)]).await;
    story.run(one, coin, (approve, &amount(three, 200)), &[]).await;
    let arguments = [one.into(), two.into(), 150.into()];
    story.run(three, coin, (transfer_from, &arguments), &[coins(one, two, 150)]).await;
    story.run(two, coin, ("burn(uint256)", &[50.into()]), &[coins(two, NOBODY, 50)]).await;
    let too_much = story.scene.calling(address, transfer, &amount(two, 1_000_000), 0);
    story.scene.fail(too_much).await;
    // As many as there can be.
    let vast = ("erc20", story.scene.create("Coin", 0).await);
    let all = [three.into(), U256::MAX.into()];
    story.run(one, vast, (mint, &all), &[Moved(NOBODY, three, None, U256::MAX)]).await;
}

async fn move_deeds(story: &mut Story<'_>) {
    let [one, two, three] = story.scene.accounts;
    let token = ("erc721", story.scene.create("Deed", 0).await);
    let mint = "mint(address,uint256)";
    let transfer_from = "transferFrom(address,address,uint256)";
    let safe_transfer_from = "safeTransferFrom(address,address,uint256)";
    let with_data = "safeTransferFrom(address,address,uint256,bytes)";
    for id in [1, 2, 3] {
        story.run(one, token, (mint, &[one.into(), id.into()]), &[deed(NOBODY, one, id)]).await;
    }
    let last = Moved(NOBODY, two, Some(U256::MAX), U256::from(1));
    story.run(one, token, (mint, &[two.into(), U256::MAX.into()]), &[last]).await;
    let arguments = [one.into(), two.into(), 1.into()];
    story.run(one, token, (transfer_from, &arguments), &[deed(one, two, 1)]).await;
    let arguments = [one.into(), three.into(), 2.into()];
    story.run(one, token, (safe_transfer_from, &arguments), &[deed(one, three, 2)]).await;
    story.run(one, token, ("approve(address,uint256)", &[three.into(), 3.into()]), &[]).await;
    let arguments = [one.into(), two.into(), 3.into(), (&b"for you"[..]).into()];
    story.run(three, token, (with_data, &arguments), &[deed(one, two, 3)]).await;
    story.run(two, token, ("burn(uint256)", &[1.into()]), &[deed(two, NOBODY, 1)]).await;
}

async fn make_goods(story: &mut Story<'_>, token: (&str, Address)) {
    let one = story.scene.accounts[0];
    let made = [goods(NOBODY, one, 7, 100)];
    let arguments = [one.into(), 7.into(), 100.into()];
    story.run(one, token, ("mint(address,uint256,uint256)", &arguments), &made).await;
    let made = [goods(NOBODY, one, 7, 1), goods(NOBODY, one, 8, 2), goods(NOBODY, one, 9, 3)];
    let arguments = [one.into(), [7, 8, 9].into(), [1, 2, 3].into()];
    story.run(one, token, ("mintBatch(address,uint256[],uint256[])", &arguments), &made).await;
}

async fn move_goods(story: &mut Story<'_>) {
    let [one, two, three] = story.scene.accounts;
    let token = ("erc1155", story.scene.create("Goods", 0).await);
    make_goods(story, token).await;
    let single = "safeTransferFrom(address,address,uint256,uint256,bytes)";
    let batch = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)";
    let nothing = || (&[][..]).into();
    let arguments = [one.into(), two.into(), 7.into(), 40.into(), nothing()];
    story.run(one, token, (single, &arguments), &[goods(one, two, 7, 40)]).await;
    let moved = [goods(one, three, 8, 1), goods(one, three, 9, 2)];
    let arguments = [one.into(), three.into(), [8, 9].into(), [1, 2].into(), nothing()];
    story.run(one, token, (batch, &arguments), &moved).await;
    let arguments = [one.into(), two.into(), [].into(), [].into(), nothing()];
    story.run(one, token, (batch, &arguments), &[]).await;
    let approval = [three.into(), true.into()];
    story.run(one, token, ("setApprovalForAll(address,bool)", &approval), &[]).await;
    let arguments = [one.into(), two.into(), 7.into(), 5.into(), (&b"on behalf"[..]).into()];
    story.run(three, token, (single, &arguments), &[goods(one, two, 7, 5)]).await;
    let arguments = [one.into(), 7.into(), 6.into()];
    let burnt = [goods(one, NOBODY, 7, 6)];
    story.run(one, token, ("burn(address,uint256,uint256)", &arguments), &burnt).await;
    let arguments = [one.into(), [7, 8].into(), [2, 1].into()];
    let burnt = [goods(one, NOBODY, 7, 2), goods(one, NOBODY, 8, 1)];
    story.run(one, token, ("burnBatch(address,uint256[],uint256[])", &arguments), &burnt).await;
}

/// What a token is kept by: its contract, and which of its tokens it is.
type Kind = (String, Address, Option<U256>);

/// By the rows, how much of each token everybody has who ever had some.
fn holdings(chain: &Chain) -> BTreeMap<Kind, BTreeMap<Address, U256>> {
    let mut holdings: BTreeMap<Kind, BTreeMap<Address, U256>> = BTreeMap::new();
    for row in chain.rows("token_transfers") {
        let id = read::<Option<B256>>(&row, "token_id_raw").map(B256::into);
        let kind = (read(&row, "standard"), read(&row, "token"), id);
        let value: U256 = read::<B256>(&row, "value_raw").into();
        let of_kind = holdings.entry(kind).or_default();
        let from = of_kind.entry(read(&row, "from_address")).or_default();
        *from = from.wrapping_sub(value);
        let to = of_kind.entry(read(&row, "to_address")).or_default();
        *to = to.wrapping_add(value);
    }
    for of_kind in holdings.values_mut() {
        of_kind.remove(&NOBODY);
    }
    holdings
}

/// Compares what everybody has by the rows with what the contracts say.
async fn check_holdings(scene: &Scene, chain: &Chain) {
    let mut standards = BTreeSet::new();
    for ((standard, token, id), holders) in holdings(chain) {
        for (holder, amount) in holders {
            let told = match (standard.as_str(), id) {
                ("erc20", _) => told(scene, token, "balanceOf(address)", &[holder.into()]).await,
                ("erc721", Some(id)) => {
                    let owner = told(scene, token, "ownerOf(uint256)", &[id.into()]).await;
                    // Of what was burnt there is no owner.
                    let is_owner = owner == Some(holder.into_word().into());
                    Some(U256::from(u64::from(is_owner)))
                }
                ("erc1155", Some(id)) => {
                    let arguments = [holder.into(), id.into()];
                    told(scene, token, "balanceOf(address,uint256)", &arguments).await
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(told, Some(amount), "{standard} {token} {id:?} of {holder}");
        }
        standards.insert(standard);
    }
    assert_eq!(standards.len(), 3);
}

/// The number that a function of `token` returns; `None` if it fails.
async fn told(
    scene: &Scene,
    token: Address,
    signature: &str,
    arguments: &[Argument],
) -> Option<U256> {
    let returned = scene.anvil.view(token, &call_data(signature, arguments)).await?;
    Some(U256::from_be_slice(&returned))
}

async fn make_and_check() {
    let Some(scene) = Scene::start("prague").await else { return };
    let mut story = Story { scene: &scene, expected: Vec::new() };
    move_coins(&mut story).await;
    move_deeds(&mut story).await;
    move_goods(&mut story).await;
    let chain = check::all(&scene.anvil).await;
    compare("token transfers", &chain.rows("token_transfers"), &story.expected);
    check_holdings(&scene, &chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_where_their_contracts_say() {
    bounded(make_and_check()).await;
}
