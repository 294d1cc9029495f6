-- The tables of Bitcoin: one row where the lake has one, under the same names and in the same order.
--
-- Amounts, counts and heights are signed as in the lake, so that they come back as the same types. A
-- list that may be absent is an empty array and a flag after it: ClickHouse has no absent arrays.
-- Parts hold 50,000 blocks, about a year. The window of deduplication is for a batch that is sent
-- again because its answer was lost. Columns without a codec have the table's: ZSTD(1).

CREATE TABLE IF NOT EXISTS $db.bitcoin_blocks$local $on_cluster
(
    height Int64 CODEC(DoubleDelta, ZSTD(1)),
    hash FixedString(32),
    parent_hash FixedString(32),
    time DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    median_time DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    version Int32,
    merkle_root FixedString(32) CODEC(NONE),
    bits Int64,
    nonce Int64,
    difficulty Float64,
    chain_work FixedString(32),
    size Int64,
    stripped_size Int64,
    weight Int64,
    transaction_count Int64,
    input_count Int64,
    output_count Int64,
    output_value Int64 CODEC(T64, ZSTD(1)),
    subsidy Int64,
    fees Int64,
    coinbase_value Int64,
    coinbase_script String,
    coinbase_sequence Int64,
    coinbase_witness Nullable(FixedString(32))
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 50000)
ORDER BY height
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.bitcoin_blocks $on_cluster AS $db.bitcoin_blocks_local
ENGINE = Distributed($cluster, $db, bitcoin_blocks_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.bitcoin_transactions$local $on_cluster
(
    txid FixedString(32) CODEC(NONE),
    wtxid FixedString(32) CODEC(NONE),
    height Int64,
    tx_index Int32 CODEC(Delta(4), ZSTD(1)),
    time DateTime('UTC'),
    version Int64 CODEC(T64, ZSTD(1)),
    lock_time Int64,
    size Int64,
    virtual_size Int64,
    weight Int64,
    is_coinbase Bool,
    input_count Int32,
    output_count Int32,
    input_value Int64 CODEC(T64, ZSTD(1)),
    output_value Int64 CODEC(T64, ZSTD(1)),
    fee Int64 CODEC(T64, ZSTD(1))
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 50000)
ORDER BY (height, tx_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.bitcoin_transactions $on_cluster AS $db.bitcoin_transactions_local
ENGINE = Distributed($cluster, $db, bitcoin_transactions_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.bitcoin_inputs$local $on_cluster
(
    txid FixedString(32),
    height Int64,
    time DateTime('UTC'),
    tx_index Int32 CODEC(Delta(4), ZSTD(1)),
    input_index Int32 CODEC(Delta(4), ZSTD(1)),
    spent_txid FixedString(32),
    spent_output_index Int64,
    spent_height Int64,
    value Int64 CODEC(T64, ZSTD(1)),
    script_type LowCardinality(String),
    address Nullable(String),
    sequence Int64,
    script_sig Nullable(String),
    witness Array(String),
    has_witness Bool
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 50000)
ORDER BY (height, tx_index, input_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.bitcoin_inputs $on_cluster AS $db.bitcoin_inputs_local
ENGINE = Distributed($cluster, $db, bitcoin_inputs_local, intDiv(height, 1000));

CREATE TABLE IF NOT EXISTS $db.bitcoin_outputs$local $on_cluster
(
    txid FixedString(32),
    height Int64,
    time DateTime('UTC'),
    tx_index Int32 CODEC(Delta(4), ZSTD(1)),
    output_index Int32 CODEC(T64, ZSTD(1)),
    value Int64 CODEC(T64, ZSTD(1)),
    script_type LowCardinality(String),
    address Nullable(String),
    script String,
    is_spendable Bool
)
ENGINE = $merge_tree
PARTITION BY intDiv(height, 50000)
ORDER BY (height, tx_index, output_index)
SETTINGS
    default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.bitcoin_outputs $on_cluster AS $db.bitcoin_outputs_local
ENGINE = Distributed($cluster, $db, bitcoin_outputs_local, intDiv(height, 1000));
