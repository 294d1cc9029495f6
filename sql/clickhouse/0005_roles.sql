-- Who may do what: roles, and the limits of those who only read.
--
-- The limits are constant: whoever has the role can set other settings for a query, but not these.

-- where users may be made
CREATE SETTINGS PROFILE IF NOT EXISTS assay_regulator $on_cluster SETTINGS
    readonly = 2 CONST,
    max_execution_time = 30 CONST,
    max_memory_usage = 2000000000 CONST,
    max_result_rows = 100000 CONST,
    result_overflow_mode = 'throw' CONST;

-- where users may be made
CREATE SETTINGS PROFILE IF NOT EXISTS assay_analyst $on_cluster SETTINGS
    readonly = 2 CONST,
    max_execution_time = 300 CONST,
    max_memory_usage = 8000000000 CONST,
    max_result_rows = 10000000 CONST,
    result_overflow_mode = 'throw' CONST;

-- where users may be made
CREATE ROLE IF NOT EXISTS assay_regulator $on_cluster SETTINGS PROFILE 'assay_regulator';

-- where users may be made
CREATE ROLE IF NOT EXISTS assay_analyst $on_cluster SETTINGS PROFILE 'assay_analyst';

-- where users may be made
CREATE ROLE IF NOT EXISTS assay_writer $on_cluster;

-- where users may be made
CREATE QUOTA IF NOT EXISTS assay_regulator $on_cluster KEYED BY user_name
    FOR INTERVAL 1 hour MAX queries = 2000, execution_time = 1800 TO assay_regulator;

-- where users may be made
CREATE QUOTA IF NOT EXISTS assay_analyst $on_cluster KEYED BY user_name
    FOR INTERVAL 1 hour MAX queries = 10000, execution_time = 7200 TO assay_analyst;

-- where users may be made
GRANT $on_cluster SELECT ON $db.* TO assay_regulator, assay_analyst;

-- Scripts, call data and what contracts return hold what strangers wrote into the chain: texts and
-- pictures that nobody need see who looks at money.
-- where users may be made
REVOKE $on_cluster SELECT(script) ON $db.bitcoin_outputs FROM assay_regulator;

-- where users may be made
REVOKE $on_cluster SELECT(script_sig, witness) ON $db.bitcoin_inputs FROM assay_regulator;

-- where users may be made
REVOKE $on_cluster SELECT(coinbase_script) ON $db.bitcoin_blocks FROM assay_regulator;

-- where users may be made
REVOKE $on_cluster SELECT(input) ON $db.ethereum_transactions FROM assay_regulator;

-- where users may be made
REVOKE $on_cluster SELECT(data) ON $db.ethereum_logs FROM assay_regulator;

-- where users may be made
REVOKE $on_cluster SELECT(input, output) ON $db.ethereum_traces FROM assay_regulator;

-- where users may be made
GRANT $on_cluster SELECT, INSERT, ALTER DELETE ON $db.* TO assay_writer;

-- How much room the tables take is not in the tables.
-- where users may be made
GRANT $on_cluster SELECT ON system.parts TO assay_regulator, assay_analyst, assay_writer;

-- To see whether an insert of its own still runs whose answer was lost, and to end it: one's own
-- may be ended by everybody.
-- where users may be made
GRANT $on_cluster SELECT ON system.processes TO assay_writer;

-- To see whether an address names every node of a cluster.
-- where users may be made
GRANT $on_cluster SELECT ON system.clusters TO assay_writer;
