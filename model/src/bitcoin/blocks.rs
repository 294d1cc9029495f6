//! `bitcoin.blocks`.

use crate::{Chain, Column, ColumnType, Table};

/// One row a block of the best chain.
pub static BLOCKS: Table = Table {
    chain: Chain::Bitcoin,
    name: "blocks",
    doc: "One row per block of the best chain.",
    key: &["height"],
    columns: &[
        Column::required(
            "height",
            ColumnType::Int64,
            "Distance from the genesis block, which has height 0.",
        ),
        Column::required("hash", ColumnType::Bytes, "Hash of the header, as explorers show it."),
        Column::required(
            "parent_hash",
            ColumnType::Bytes,
            "Hash of the block before; zero for the genesis block.",
        ),
        Column::required(
            "time",
            ColumnType::Time,
            "Time that the miner wrote into the header, UTC; may run backwards from block to block.",
        ),
        Column::required(
            "median_time",
            ColumnType::Time,
            "Median time of this block and the ten before it (BIP 113); never runs backwards.",
        ),
        Column::required(
            "version",
            ColumnType::Int32,
            "Header version, or the BIP 9 signalling bits.",
        ),
        Column::required("merkle_root", ColumnType::Bytes, "Root of the tree of transaction ids."),
        Column::required("bits", ColumnType::Int64, "Target of the proof of work in compact form."),
        Column::required("nonce", ColumnType::Int64, "The number that the miner searched for."),
        Column::required(
            "difficulty",
            ColumnType::Float64,
            "How many times harder than the easiest mainnet target this block's target is.",
        ),
        Column::required(
            "chain_work",
            ColumnType::Bytes,
            "Hashes expected to make the chain up to here: 256-bit number, most significant byte first.",
        ),
        Column::required("size", ColumnType::Int64, "Serialised size with witnesses, bytes."),
        Column::required(
            "stripped_size",
            ColumnType::Int64,
            "Serialised size without witnesses, bytes.",
        ),
        Column::required(
            "weight",
            ColumnType::Int64,
            "3 · stripped_size + size, weight units (BIP 141).",
        ),
        Column::required(
            "transaction_count",
            ColumnType::Int64,
            "Transactions, the coinbase included.",
        ),
        Column::required(
            "input_count",
            ColumnType::Int64,
            "Inputs that spend an output: the coinbase has none.",
        ),
        Column::required(
            "output_count",
            ColumnType::Int64,
            "Outputs, those of the coinbase included.",
        ),
        Column::required(
            "output_value",
            ColumnType::Int64,
            "Value of all outputs, the coinbase's included, satoshi.",
        ),
        Column::required(
            "subsidy",
            ColumnType::Int64,
            "New coins that the block might claim, satoshi.",
        ),
        Column::required("fees", ColumnType::Int64, "Fees of all transactions, satoshi."),
        Column::required(
            "coinbase_value",
            ColumnType::Int64,
            "What the coinbase pays out, satoshi; less than subsidy + fees where the miner left some unclaimed.",
        ),
        Column::required(
            "coinbase_script",
            ColumnType::Bytes,
            "Input script of the coinbase: height (BIP 34), pool tag, extra nonce.",
        ),
        Column::required(
            "coinbase_sequence",
            ColumnType::Int64,
            "Sequence number of the coinbase input.",
        ),
        Column::optional(
            "coinbase_witness",
            ColumnType::Bytes,
            "Witness reserved value of the coinbase (BIP 141); null before SegWit.",
        ),
    ],
};
