-- The tables of Ethereum: one row where the lake has one, under the same names and in the same order.
--
-- As for Bitcoin; parts hold 1,000,000 blocks, about five months.

CREATE TABLE IF NOT EXISTS $db.ethereum_blocks$local $on_cluster
(
    height Int64 CODEC(DoubleDelta, ZSTD(1)),
    hash FixedString(32) CODEC(NONE),
    parent_hash FixedString(32) CODEC(NONE),
    time DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    miner FixedString(20),
    uncles_hash FixedString(32),
    state_root FixedString(32) CODEC(NONE),
    transactions_root FixedString(32),
    receipts_root FixedString(32),
    logs_bloom FixedString(256),
    difficulty Decimal(38, 0),
    gas_limit Int64,
    gas_used Int64,
    extra_data String,
    mix_hash FixedString(32) CODEC(NONE),
    nonce FixedString(8),
    base_fee_per_gas Nullable(Decimal(38, 0)),
    withdrawals_root Nullable(FixedString(32)),
    blob_gas_used Nullable(Int64),
    excess_blob_gas Nullable(Int64),
    parent_beacon_root Nullable(FixedString(32)),
    requests_hash Nullable(FixedString(32)),
    size Int64,
    transaction_count Int64,
    uncle_count Int64,
    withdrawal_count Int64,
    log_count Int64,
    block_reward Decimal(38, 0),
    uncle_reward Decimal(38, 0),
    fees Decimal(38, 0),
    burnt Decimal(38, 0)
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY height
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_blocks $on_cluster AS $db.ethereum_blocks_local
ENGINE = Distributed($cluster, $db, ethereum_blocks_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.ethereum_transactions$local $on_cluster
(
    hash FixedString(32) CODEC(NONE),
    height Int64,
    time DateTime('UTC'),
    tx_index Int32 CODEC(Delta(4), ZSTD(1)),
    type Int32,
    nonce Decimal(38, 0),
    from_address FixedString(20),
    to_address Nullable(FixedString(20)),
    created_address Nullable(FixedString(20)),
    value Decimal(38, 0),
    input String,
    gas_limit Int64,
    gas_price Nullable(Decimal(38, 0)),
    max_fee_per_gas Nullable(Decimal(38, 0)),
    max_priority_fee_per_gas Nullable(Decimal(38, 0)),
    max_fee_per_blob_gas Nullable(Decimal(38, 0)),
    blob_hashes Array(FixedString(32)),
    has_blob_hashes Bool,
    access_list Array(Tuple(address FixedString(20), storage_keys Array(FixedString(32)))),
    has_access_list Bool,
    authorizations Array(Tuple(
        authority Nullable(FixedString(20)),
        chain_id Nullable(Decimal(38, 0)),
        address FixedString(20),
        nonce Decimal(38, 0),
        y_parity Int32,
        r FixedString(32),
        s FixedString(32))),
    has_authorizations Bool,
    chain_id Nullable(Decimal(38, 0)),
    y_parity Bool,
    r FixedString(32) CODEC(NONE),
    s FixedString(32) CODEC(NONE),
    status Nullable(Bool),
    post_state_root Nullable(FixedString(32)),
    is_failed Bool,
    gas_used Int64 CODEC(T64, ZSTD(1)),
    cumulative_gas_used Int64 CODEC(Delta(8), ZSTD(1)),
    effective_gas_price Decimal(38, 0),
    fee Decimal(38, 0),
    burnt Decimal(38, 0),
    blob_gas_used Nullable(Int64),
    blob_gas_price Nullable(Decimal(38, 0)),
    blob_fee Nullable(Decimal(38, 0)),
    log_count Int32 CODEC(T64, ZSTD(1))
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY (height, tx_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_transactions $on_cluster AS $db.ethereum_transactions_local
ENGINE = Distributed($cluster, $db, ethereum_transactions_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.ethereum_logs$local $on_cluster
(
    height Int64,
    time DateTime('UTC'),
    tx_hash FixedString(32),
    tx_index Int32 CODEC(Delta(4), ZSTD(1)),
    log_index Int32 CODEC(Delta(4), ZSTD(1)),
    address FixedString(20),
    topic0 Nullable(FixedString(32)),
    topic1 Nullable(FixedString(32)),
    topic2 Nullable(FixedString(32)),
    topic3 Nullable(FixedString(32)),
    data String
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY (height, log_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_logs $on_cluster AS $db.ethereum_logs_local
ENGINE = Distributed($cluster, $db, ethereum_logs_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.ethereum_token_transfers$local $on_cluster
(
    height Int64,
    time DateTime('UTC'),
    tx_hash FixedString(32),
    tx_index Int32 CODEC(Delta(4), ZSTD(1)),
    log_index Int32 CODEC(Delta(4), ZSTD(1)),
    batch_index Int32,
    token FixedString(20),
    standard LowCardinality(String),
    operator Nullable(FixedString(20)),
    from_address FixedString(20),
    to_address FixedString(20),
    token_id Nullable(Decimal(76, 0)),
    token_id_raw Nullable(FixedString(32)),
    value Nullable(Decimal(76, 0)),
    value_raw FixedString(32)
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY (height, log_index, batch_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_token_transfers $on_cluster AS $db.ethereum_token_transfers_local
ENGINE = Distributed($cluster, $db, ethereum_token_transfers_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.ethereum_traces$local $on_cluster
(
    height Int64,
    time DateTime('UTC'),
    trace_index Int32 CODEC(Delta(4), ZSTD(1)),
    tx_hash Nullable(FixedString(32)),
    tx_index Nullable(Int32) CODEC(Delta(4), ZSTD(1)),
    trace_address Array(Int32),
    kind LowCardinality(String),
    call_kind LowCardinality(Nullable(String)),
    from_address Nullable(FixedString(20)),
    to_address Nullable(FixedString(20)),
    value Decimal(38, 0),
    input Nullable(String),
    output Nullable(String),
    gas Nullable(Int64),
    gas_used Nullable(Int64),
    subtrace_count Int32,
    error Nullable(String),
    is_reverted Bool
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY (height, trace_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_traces $on_cluster AS $db.ethereum_traces_local
ENGINE = Distributed($cluster, $db, ethereum_traces_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.ethereum_withdrawals$local $on_cluster
(
    height Int64,
    time DateTime('UTC'),
    withdrawal_index Int64 CODEC(Delta(8), ZSTD(1)),
    validator_index Int64 CODEC(Delta(8), ZSTD(1)),
    address FixedString(20),
    amount Decimal(38, 0)
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY (height, withdrawal_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_withdrawals $on_cluster AS $db.ethereum_withdrawals_local
ENGINE = Distributed($cluster, $db, ethereum_withdrawals_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.ethereum_value_flows$local $on_cluster
(
    height Int64,
    time DateTime('UTC'),
    flow_index Int32 CODEC(Delta(4), ZSTD(1)),
    kind LowCardinality(String),
    from_address Nullable(FixedString(20)),
    to_address Nullable(FixedString(20)),
    value Decimal(38, 0),
    tx_index Nullable(Int32) CODEC(Delta(4), ZSTD(1)),
    trace_index Nullable(Int32)
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 1000000)
ORDER BY (height, flow_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.ethereum_value_flows $on_cluster AS $db.ethereum_value_flows_local
ENGINE = Distributed($cluster, $db, ethereum_value_flows_local, intDiv(height, 1000));
