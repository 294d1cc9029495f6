-- How one transaction, one block or one address is found without reading the whole table.

ALTER TABLE $db.bitcoin_blocks$local $on_cluster
    ADD INDEX IF NOT EXISTS by_hash hash TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.bitcoin_transactions$local $on_cluster
    ADD INDEX IF NOT EXISTS by_txid txid TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.bitcoin_inputs$local $on_cluster
    ADD INDEX IF NOT EXISTS by_txid txid TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_spent_txid spent_txid TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_address address TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.bitcoin_outputs$local $on_cluster
    ADD INDEX IF NOT EXISTS by_txid txid TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_address address TYPE bloom_filter(0.001) GRANULARITY 1;

ALTER TABLE $db.ethereum_blocks$local $on_cluster
    ADD INDEX IF NOT EXISTS by_hash hash TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.ethereum_transactions$local $on_cluster
    ADD INDEX IF NOT EXISTS by_hash hash TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_from_address from_address TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_to_address to_address TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.ethereum_logs$local $on_cluster
    ADD INDEX IF NOT EXISTS by_tx_hash tx_hash TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_address address TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.ethereum_token_transfers$local $on_cluster
    ADD INDEX IF NOT EXISTS by_tx_hash tx_hash TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_token token TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_from_address from_address TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_to_address to_address TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.ethereum_traces$local $on_cluster
    ADD INDEX IF NOT EXISTS by_tx_hash tx_hash TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE $db.ethereum_value_flows$local $on_cluster
    ADD INDEX IF NOT EXISTS by_from_address from_address TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_to_address to_address TYPE bloom_filter(0.001) GRANULARITY 1;
