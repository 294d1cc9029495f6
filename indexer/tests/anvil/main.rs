//! A real node: chains are made on it and read from it, and every row is held against what the node
//! says.

#[path = "../common/anvil.rs"]
mod anvil;
#[path = "../common/cells.rs"]
mod cells;
#[path = "../common/contracts.rs"]
mod contracts;
#[path = "../common/ethereum_source.rs"]
mod ethereum_source;
#[path = "../common/following.rs"]
mod following;
#[path = "../common/node.rs"]
mod node;

mod check;
mod ether;
mod follow;
mod kinds;
mod scene;
mod signed;
mod source;
mod tokens;
mod told;
mod traced;
