//! What machines draw, and by how much that may be wrong.

use super::{ReferenceTable, SOURCE};
use crate::{Column, ColumnType};

/// Power of nodes of Ethereum.
pub const NODE_POWER: ReferenceTable = ReferenceTable {
    name: "node_power",
    doc: "One row per program of a node of Ethereum's proof of stake and computer that it was measured on.",
    key: &["component", "configuration"],
    series: &[],
    columns: &[
        Column::required("component", ColumnType::Text, "idle, or the name of a client."),
        Column::required(
            "configuration",
            ColumnType::Text,
            "The computer: config4 (small), config5 or config6 (large).",
        ),
        Column::required(
            "watts",
            ColumnType::Float64,
            "Power: of the idle computer, or what the client adds, W.",
        ),
        SOURCE,
    ],
};

/// How many nodes there are.
pub const ETHEREUM_NODES: ReferenceTable = ReferenceTable {
    name: "ethereum_nodes",
    doc: "One row per day on which the nodes of Ethereum's proof of stake were counted: a count holds until the next row.",
    key: &["day"],
    series: &[],
    columns: &[
        Column::required("day", ColumnType::Time, "The day, UTC."),
        Column::required("nodes", ColumnType::Int64, "Nodes that could be reached."),
        SOURCE,
    ],
};

/// Parameters of the method.
pub const ENERGY_PARAMETERS: ReferenceTable = ReferenceTable {
    name: "energy_parameters",
    doc: "One row per chain and parameter of the method of energy.",
    key: &["chain", "parameter"],
    series: &["chain", "parameter"],
    columns: &[
        Column::required("chain", ColumnType::Text, "bitcoin or ethereum."),
        Column::required("parameter", ColumnType::Text, "Its name: docs/energy.md explains each."),
        Column::required("lower", ColumnType::Float64, "Its value for the lower bound."),
        Column::required("best", ColumnType::Float64, "Its value for the best guess."),
        Column::required("upper", ColumnType::Float64, "Its value for the upper bound."),
        Column::required("unit", ColumnType::Text, "Its unit; 1 if it has none."),
        SOURCE,
    ],
};
