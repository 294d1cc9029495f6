//! A chain in the making.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, hex};
use serde_json::{Value, json};

use crate::anvil::Anvil;
use crate::contracts::{Argument, call_data, compiled};

/// A node, and the contracts that can be created on it.
pub struct Scene {
    pub anvil: Anvil,
    pub accounts: [Address; 3],
    compiled: &'static BTreeMap<String, String>,
}

impl Scene {
    /// Starts a node with the rules of `hardfork`, if all that is needed is installed.
    pub async fn start(hardfork: &str) -> Option<Scene> {
        let compiled = compiled()?;
        let anvil = Anvil::start(&["--hardfork", hardfork])?;
        let accounts = anvil.accounts().await.try_into().expect("three accounts");
        Some(Scene { anvil, accounts, compiled })
    }

    /// The code that creates the contract `name`.
    pub fn code(&self, name: &str) -> &str {
        &self.compiled[name]
    }

    /// A transaction that creates the contract `name` with `value` wei.
    pub fn creation(&self, name: &str, value: u64) -> Value {
        json!({ "from": self.accounts[0], "data": self.code(name), "value": U256::from(value) })
    }

    /// Creates the contract `name` with `value` wei.
    pub async fn create(&self, name: &str, value: u64) -> Address {
        let receipt = self.succeed(self.creation(name, value)).await;
        serde_json::from_value(receipt["contractAddress"].clone()).expect("an address")
    }

    /// A transaction that calls a function of `to` with `value` wei.
    pub fn calling(
        &self,
        to: Address,
        signature: &str,
        arguments: &[Argument],
        value: u64,
    ) -> Value {
        let data = hex::encode_prefixed(call_data(signature, arguments));
        let value = U256::from(value);
        json!({ "from": self.accounts[0], "to": to, "data": data, "value": value })
    }

    /// Calls a function of `to` with `value` wei.
    pub async fn run(
        &self,
        to: Address,
        signature: &str,
        arguments: &[Argument],
        value: u64,
    ) -> Value {
        self.succeed(self.calling(to, signature, arguments, value)).await
    }

    /// Sends ether.
    pub async fn pay(&self, to: Address, value: u64) -> Value {
        let value = U256::from(value);
        self.succeed(json!({ "from": self.accounts[0], "to": to, "value": value })).await
    }

    /// Sends a transaction that must succeed, and returns its receipt.
    pub async fn succeed(&self, transaction: Value) -> Value {
        let receipt = self.anvil.send(transaction).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt
    }

    /// Sends a transaction that must fail, and returns its receipt.
    pub async fn fail(&self, transaction: Value) -> Value {
        let receipt = self.anvil.send(transaction).await;
        assert_eq!(receipt["status"], "0x0", "{receipt}");
        receipt
    }

    /// What the node says that `account` has.
    pub async fn balance(&self, account: Address) -> U256 {
        let balance = self.anvil.call("eth_getBalance", json!([account, "latest"])).await;
        serde_json::from_value(balance).expect("a quantity")
    }

    /// From now on, `miner` gets the fees.
    pub async fn set_miner(&self, miner: Address) {
        self.anvil.call("anvil_setCoinbase", json!([miner])).await;
    }
}
