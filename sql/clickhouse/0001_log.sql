-- What readers may see of each chain, and the runs that brought it.
--
-- Rows are only ever added. The last row of `commits` of a chain is the truth about it: rows of other
-- tables above its height belong to nobody, until it says otherwise.
--
-- On a cluster all rows are on the first shard, so that there is one truth: were they copied to every
-- node, a reader beside a lagging one would see a height whose rows are gone. The key of shards is always
-- 0, and made of the chain, so that who names a chain asks no other shard.

CREATE TABLE IF NOT EXISTS $db.chains$local $on_cluster
(
    chain LowCardinality(String),
    network String,
    first_height UInt64,
    extras Array(String),
    schema_version UInt32,
    made DateTime('UTC')
)
ENGINE = $merge_tree
ORDER BY chain
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.chains $on_cluster AS $db.chains_local
ENGINE = Distributed($cluster, $db, chains_local, length(chain) * 0);

CREATE TABLE IF NOT EXISTS $db.commits$local $on_cluster
(
    chain LowCardinality(String),
    sequence UInt64,
    kind Enum8('open' = 1, 'append' = 2, 'revert' = 3),
    session UUID,
    noticed DateTime64(6, 'UTC'),
    height Int64,
    hash FixedString(32),
    parent FixedString(32),
    time Nullable(DateTime('UTC')),
    block_bytes UInt64,
    rows Array(UInt64),
    safe_height Nullable(Int64),
    safe_hash FixedString(32),
    safe_parent FixedString(32),
    finalized_height Nullable(Int64),
    finalized_hash FixedString(32),
    finalized_parent FixedString(32),
    common_height Nullable(Int64),
    common_hash FixedString(32),
    common_parent FixedString(32),
    replaced Array(Tuple(height Int64, hash FixedString(32), by FixedString(32), has_by Bool)),
    program_version String
)
ENGINE = $merge_tree
ORDER BY (chain, sequence)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.commits $on_cluster AS $db.commits_local
ENGINE = Distributed($cluster, $db, commits_local, length(chain) * 0);

CREATE TABLE IF NOT EXISTS $db.runs$local $on_cluster
(
    chain LowCardinality(String),
    program_version String,
    started DateTime('UTC'),
    seconds Float64,
    from_height Int64,
    to_height Int64,
    block_bytes UInt64
)
ENGINE = $merge_tree
ORDER BY (chain, started)
SETTINGS
    non_replicated_deduplication_window = 1000,
    replicated_deduplication_window = 1000;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.runs $on_cluster AS $db.runs_local
ENGINE = Distributed($cluster, $db, runs_local, length(chain) * 0);
