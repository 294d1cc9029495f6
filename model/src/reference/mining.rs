//! What mines: machines, and how fast all of them together are.

use super::{ReferenceTable, SOURCE};
use crate::{Column, ColumnType};

/// Machines that compute SHA-256.
pub const MINING_HARDWARE: ReferenceTable = ReferenceTable {
    name: "mining_hardware",
    doc: "One row per machine that has mined Bitcoin.",
    key: &["algorithm", "kind", "manufacturer", "model"],
    series: &[],
    columns: &[
        Column::required("algorithm", ColumnType::Text, "sha256."),
        Column::required("kind", ColumnType::Text, "cpu, gpu, fpga or asic."),
        Column::required("manufacturer", ColumnType::Text, "Who makes it."),
        Column::required("model", ColumnType::Text, "Its name."),
        Column::required(
            "released",
            ColumnType::Time,
            "The first day of the month since when it can be bought.",
        ),
        Column::optional(
            "hash_rate_ths",
            ColumnType::Float64,
            "Hash rate, TH/s; null if only the efficiency is known.",
        ),
        Column::optional(
            "power_w",
            ColumnType::Float64,
            "Power, W; null if only the efficiency is known.",
        ),
        Column::required(
            "efficiency_j_per_gh",
            ColumnType::Float64,
            "Energy a hash, J/GH, which is kJ/TH.",
        ),
        SOURCE,
    ],
};

/// Machines that compute Ethash.
pub const GPUS: ReferenceTable = ReferenceTable {
    name: "gpus",
    doc: "One row per machine that has mined Ethereum.",
    key: &["kind", "manufacturer", "model"],
    series: &[],
    columns: &[
        Column::required("kind", ColumnType::Text, "gpu or asic."),
        Column::required("manufacturer", ColumnType::Text, "Who makes it."),
        Column::required("model", ColumnType::Text, "Its name."),
        Column::required("released", ColumnType::Time, "The day since when it can be bought."),
        Column::optional(
            "memory_gb",
            ColumnType::Float64,
            "Memory, GiB, into which the DAG has to fit; null if it does not limit the machine.",
        ),
        Column::required("hash_rate_mhs", ColumnType::Float64, "Hash rate, MH/s."),
        Column::required("power_w", ColumnType::Float64, "Power while mining, W."),
        SOURCE,
    ],
};

/// Hash rates where there is no chain to take them from.
pub const HASH_RATES: ReferenceTable = ReferenceTable {
    name: "hash_rates",
    doc: "One row per chain and day whose hash rate is known without its blocks: Bitcoin's from its headers, others imported. Of a chain that is indexed, only imported rows count, for days that it has no blocks of.",
    key: &["chain", "day"],
    series: &["chain"],
    columns: &[
        Column::required("chain", ColumnType::Text, "bitcoin or ethereum."),
        Column::required("day", ColumnType::Time, "When the day begins, UTC."),
        Column::required("hash_rate_ths", ColumnType::Float64, "Hash rate, TH/s."),
        Column::optional(
            "blocks",
            ColumnType::Int64,
            "Blocks of the day; null if it is not known.",
        ),
        Column::optional(
            "revenue",
            ColumnType::Float64,
            "What miners got, new coins and fees, in whole coins; null if it is not known.",
        ),
        SOURCE,
    ],
};
