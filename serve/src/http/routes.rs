//! The one table of what HTTP answers: the router, the checks of parameters and the OpenAPI document are
//! made from it.

use super::analyses::{self, Analysis};
use super::parameters::{Kind, Parameter, Presence};

/// A method and a path that are answered.
#[derive(Debug)]
pub struct Route {
    /// The one method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// Its name in clients that are made from the document.
    pub id: &'static str,
    /// What it answers, in one line.
    pub summary: &'static str,
    /// What stands behind `?`.
    pub parameters: &'static [Parameter],
    /// What answers.
    pub does: Does,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads, too, and takes a body.
    Post,
}

impl Method {
    /// Its name in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// What answers a route.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// A statement of the client's own, in the body.
    Sql,
    /// A statement of ours.
    Analysis(&'static Analysis),
    /// The OpenAPI document.
    OpenApi,
    /// Metrics.
    Metrics,
    /// Whether the server works.
    Health,
}

impl Does {
    /// Whether it is answered to everybody: it tells nothing of what is stored, and of who asks what
    /// only how much.
    pub fn is_open(self) -> bool {
        matches!(self, Does::OpenApi | Does::Metrics | Does::Health)
    }
}

const FORMAT: Parameter = Parameter {
    name: "format",
    kind: Kind::Format,
    presence: Presence::Optional,
    doc: "Format of the rows; without it, the header Accept decides, and JSON is what it is otherwise.",
};
const ASSET: Parameter = Parameter {
    name: "asset",
    kind: Kind::Asset,
    presence: Presence::Default("bitcoin"),
    doc: "What is held: the coin of a chain, or a token by the address of its contract.",
};
const AT: Parameter = Parameter {
    name: "at",
    kind: Kind::At,
    presence: Presence::Optional,
    doc: "The last block that counts, as its height, or as a moment in UTC up to which blocks count; without it, the last block that is indexed.",
};
const BASIS: Parameter = Parameter {
    name: "basis",
    kind: Kind::Word(&["address"]),
    presence: Presence::Default("address"),
    doc: "Who counts as one holder.",
};
const THRESHOLD: Parameter = Parameter {
    name: "threshold",
    kind: Kind::Share,
    presence: Presence::Default("0.5"),
    doc: "The share that Nakamoto's coefficient is about.",
};
const DECIMALS: Parameter = Parameter {
    name: "decimals",
    kind: Kind::Integer { min: 0, max: 76 },
    presence: Presence::Optional,
    doc: "How many decimal places of base units make a whole coin; without it 8 for bitcoin and else 18.",
};
const POINTS: Parameter = Parameter {
    name: "points",
    kind: Kind::Integer { min: 1, max: 10_000 },
    presence: Presence::Default("100"),
    doc: "Into how many parts the holders are divided.",
};
const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: Kind::Integer { min: 1, max: 10_000 },
    presence: Presence::Default("100"),
    doc: "How many holders.",
};
const CHAIN: Parameter = Parameter {
    name: "chain",
    kind: Kind::Word(&["bitcoin", "ethereum"]),
    presence: Presence::Default("bitcoin"),
    doc: "The chain.",
};
const METHOD: Parameter = Parameter {
    name: "method",
    kind: Kind::Word(&["hardware", "revenue_share"]),
    presence: Presence::Default("hardware"),
    doc: "By which method power is estimated.",
};
const FROM: Parameter = Parameter {
    name: "from",
    kind: Kind::Day,
    presence: Presence::Default("2009-01-03"),
    doc: "The first day.",
};
const TO: Parameter = Parameter {
    name: "to",
    kind: Kind::Day,
    presence: Presence::Default("2200-01-01"),
    doc: "The last day.",
};
const KEPT_BASIS: Parameter = Parameter {
    name: "basis",
    kind: Kind::Word(&["address", "entity"]),
    presence: Presence::Default("address"),
    doc: "Who counts as one holder.",
};
const TABLE: Parameter = Parameter {
    name: "table",
    kind: Kind::Table,
    presence: Presence::Required,
    doc: "Schema and name of the table.",
};

/// Everything that is answered.
pub static ROUTES: [Route; 17] = [
    Route {
        method: Method::Post,
        path: "/api/sql",
        id: "sql",
        summary: "Answers one SQL statement, which only reads",
        parameters: &[FORMAT],
        does: Does::Sql,
    },
    analysis(
        "/api/status",
        "status",
        "How far each chain is indexed",
        &[FORMAT],
        &analyses::STATUS,
    ),
    analysis(
        "/api/tables",
        "tables",
        "Tables and views that SQL can name",
        &[FORMAT],
        &analyses::TABLES,
    ),
    analysis("/api/columns", "columns", "Columns of a table", &[TABLE, FORMAT], &analyses::COLUMNS),
    analysis(
        "/api/functions",
        "functions",
        "SQL functions that assay adds to the engine's",
        &[FORMAT],
        &analyses::FUNCTIONS,
    ),
    analysis(
        "/api/holdings",
        "holdings",
        "How unequally an asset is held, in one row of measures",
        &[ASSET, AT, BASIS, THRESHOLD, FORMAT],
        &analyses::HOLDINGS,
    ),
    analysis(
        "/api/holdings/brackets",
        "holdingsBrackets",
        "How many hold between what and what, in whole coins; brackets without holders have no row",
        &[ASSET, AT, BASIS, DECIMALS, FORMAT],
        &analyses::BRACKETS,
    ),
    analysis(
        "/api/holdings/lorenz",
        "holdingsLorenz",
        "Lorenz's curve of what is held",
        &[ASSET, AT, BASIS, POINTS, FORMAT],
        &analyses::LORENZ,
    ),
    analysis(
        "/api/holdings/top",
        "holdingsTop",
        "Who holds the most",
        &[ASSET, AT, BASIS, LIMIT, FORMAT],
        &analyses::TOP,
    ),
    analysis(
        "/api/holdings/daily",
        "holdingsDaily",
        "How unequally an asset was held at the end of each day, as far as that was computed",
        &[ASSET, KEPT_BASIS, FROM, TO, FORMAT],
        &analyses::HOLDINGS_DAILY,
    ),
    analysis(
        "/api/network/daily",
        "networkDaily",
        "What a chain did on each day, as far as that was computed",
        &[CHAIN, FROM, TO, FORMAT],
        &analyses::NETWORK_DAILY,
    ),
    analysis(
        "/api/network/daily/fiat",
        "networkDailyFiat",
        "The same in US dollars at the price of the day",
        &[CHAIN, FROM, TO, FORMAT],
        &analyses::NETWORK_FIAT_DAILY,
    ),
    analysis(
        "/api/energy/daily",
        "energyDaily",
        "The power that a chain drew on each day, with bounds, as far as that was computed",
        &[CHAIN, METHOD, FROM, TO, FORMAT],
        &analyses::ENERGY_DAILY,
    ),
    analysis(
        "/api/emissions/daily",
        "emissionsDaily",
        "What the electricity emitted that a chain drew on each day, as far as that was computed",
        &[CHAIN, METHOD, FROM, TO, FORMAT],
        &analyses::EMISSIONS_DAILY,
    ),
    Route {
        method: Method::Get,
        path: "/api/openapi.json",
        id: "openapi",
        summary: "This document",
        parameters: &[],
        does: Does::OpenApi,
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        id: "metrics",
        summary: "Metrics in Prometheus's text format",
        parameters: &[],
        does: Does::Metrics,
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        id: "healthz",
        summary: "Whether the server works",
        parameters: &[],
        does: Does::Health,
    },
];

const fn analysis(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    parameters: &'static [Parameter],
    analysis: &'static Analysis,
) -> Route {
    Route { method: Method::Get, path, id, summary, parameters, does: Does::Analysis(analysis) }
}
