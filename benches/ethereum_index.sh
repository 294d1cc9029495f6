#!/usr/bin/env bash
# Times what indexing Ethereum is made of, on real blocks of mainnet: decoding, reading archives, and
# indexing a node into a lake; the latter also with ethereum-etl 2.4.2, against the same node, in
# the same run. The node is a local server that knows a chain of the real blocks in turn. What is
# made and installed is kept in DIR for the next time.
#
# usage: benches/ethereum_index.sh [-n BLOCKS] [-e BLOCKS_FOR_ETHEREUM_ETL] [-w WORKERS] [-B BATCH]
#                                  [-r ROUNDS] [DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

# Multiples of the real blocks, 17, have equal means. Workers and batch are ethereum-etl's defaults.
blocks=1020 etl_blocks=102 workers=5 batch=100 rounds=3
while getopts n:e:w:B:r: option; do
    case $option in
        n) blocks=$OPTARG ;;
        e) etl_blocks=$OPTARG ;;
        w) workers=$OPTARG ;;
        B) batch=$OPTARG ;;
        r) rounds=$OPTARG ;;
        *) sed -n '2,9s/^# \?//p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
target=${CARGO_TARGET_DIR:-target}
dir=${1:-$target/bench}
mkdir -p "$dir"
data=${ASSAY_SHARED_DATA:-../shared/data}/ethereum
[ -d "$data" ] || { echo "skipped: $data is absent" >&2; exit 0; }

echo "building" >&2
cargo build --release --quiet --locked -p assay-benches --examples
program=$target/release/examples/ethereum_index
cores=$(nproc)

node=
lake=$dir/ethereum-lake etl_out=$dir/ethereum-etl-out
# Starts a node with as many blocks; sets `url`, `first`, `last`, and `counts`, of rows.
start_node() {
    stop_node
    exec 3< <(exec "$target/release/examples/replay_node" "$1")
    node=$!
    read -r url first last counts <&3
}
stop_node() {
    if [ -n "$node" ]; then
        kill "$node"
        node=
        exec 3<&-
    fi
}
trap 'stop_node; rm -rf "$lake" "$etl_out"' EXIT

if [ ! -x "$dir/ethereum-etl/bin/ethereumetl" ]; then
    echo "installing ethereum-etl in $dir/ethereum-etl" >&2
    python3 -m venv "$dir/ethereum-etl"
    "$dir/ethereum-etl/bin/pip" install --quiet ethereum-etl==2.4.2 'setuptools<81' >&2
    # What it asks for does not run with Python 3.11 and newer.
    "$dir/ethereum-etl/bin/pip" install --quiet --no-deps parsimonious==0.10.0 regex >&2
fi
if [ ! -d "$dir/era1" ]; then
    echo "writing an archive with 1020 blocks like today's in $dir/era1" >&2
    "$program" write-archive "$dir/era1.part" 1020
    mv "$dir/era1.part" "$dir/era1"
fi

# The best of the rounds, by seconds on a core, of a run that prints
# BYTES TRANSACTIONS SECONDS CPU_SECONDS MEMORY_KB.
best() {
    for _ in $(seq "$rounds"); do
        rm -rf "$lake"
        "$@"
    done | sort -n -k4 | head -n 1
}

# The commands of ethereum-etl for blocks, transactions, receipts, logs and token transfers.
etl_commands() {
    local etl=$dir/ethereum-etl/bin/ethereumetl
    local how=(--max-workers "$workers" --batch-size "$batch")
    "$etl" export_blocks_and_transactions --start-block "$first" --end-block "$last" \
        --provider-uri "$url" "${how[@]}" --blocks-output "$etl_out/blocks.csv" \
        --transactions-output "$etl_out/transactions.csv"
    "$etl" extract_field --input "$etl_out/transactions.csv" --field hash \
        --output "$etl_out/hashes.txt"
    "$etl" export_receipts_and_logs --transaction-hashes "$etl_out/hashes.txt" \
        --provider-uri "$url" "${how[@]}" --receipts-output "$etl_out/receipts.csv" \
        --logs-output "$etl_out/logs.csv"
    "$etl" extract_token_transfers --logs "$etl_out/logs.csv" "${how[@]}" \
        --output "$etl_out/token_transfers.csv"
}

# Runs ethereum-etl over the node's blocks; prints seconds, seconds on a core, and the rows of its
# five tables. They hold no line breaks: a line is a row.
run_etl() {
    rm -rf "$etl_out"
    mkdir -p "$etl_out"
    local TIMEFORMAT='%R %U %S' table rows=
    { time etl_commands >"$etl_out/log" 2>&1; } 2>"$etl_out/time" || true
    for table in blocks transactions receipts logs token_transfers; do
        rows="$rows $(($(wc -l <"$etl_out/$table.csv") - 1))"
    done
    awk -v rows="$rows" '{ print $1, $2 + $3, rows }' "$etl_out/time"
}

echo "decoding" >&2
for senders in told recovered; do
    best "$program" decode "$senders" 40 | awk -v senders="$senders" '
        { printf "decode, senders %-9s %8.0f transactions/s of one core (%.1f MB/s)\n",
            senders, $2 / $4, $1 / 1e6 / $4 }'
done
echo "reading archives" >&2
for archive in "$data/era1/mainnet-00000-5ec1ffb8.era1" "$dir/era1"; do
    best "$program" archives "$archive" | awk -v name="$(basename "$archive")" '
        { printf "archives, %-32s %8.1f MB/s of one core, unpacked (%.0f MB)\n",
            name, $1 / 1e6 / $4, $1 / 1e6 }'
done

echo "indexing $blocks blocks of a node" >&2
start_node "$blocks"
ours=$(best "$program" index "$url" "$first" "$lake" "$cores")
awk -v ours="$ours" -v counts="$counts" 'BEGIN {
    split(ours, run); split(counts, count)
    printf "index: %d blocks (%.0f transactions and %.0f logs each) in %.1f s, %.1f s of a core: " \
        "%.1f s of a core for 1000 blocks, peak %.0f MB\n", count[1], count[2] / count[1],
        count[4] / count[1], run[3], run[4], run[4] * 1000 / count[1], run[5] / 1000
}'

echo "indexing $etl_blocks blocks with ethereum-etl" >&2
our_counts=$counts
start_node "$etl_blocks"
theirs=$(for _ in $(seq "$rounds"); do run_etl; done | sort -n -k2 | head -n 1)
awk -v ours="$ours" -v our_counts="$our_counts" -v theirs="$theirs" -v their_counts="$counts" 'BEGIN {
    split(ours, run); split(theirs, etl)
    found = etl[3] " " etl[4] " " etl[5] " " etl[6] " " etl[7]
    # Blocks, transactions, receipts, logs and token transfers without those of ERC-1155, for both.
    n = split(our_counts, mine); for (i = 1; i <= n; i++) my_rows += mine[i]
    n = split(found, other); for (i = 1; i <= n; i++) their_rows += other[i]
    if (found != their_counts) print "ethereum-etl: rows (" found ") are not those of the chain (" their_counts ")"
    printf "rows a second: assay %.0f (%d rows in %.2f s), ethereum-etl %.0f (%d rows in %.2f s): %.1f x\n",
        my_rows / run[3], my_rows, run[3], their_rows / etl[1], their_rows, etl[1],
        my_rows / run[3] / (their_rows / etl[1])
    printf "rows a second of a core: assay %.0f, ethereum-etl %.0f: %.1f x\n", my_rows / run[4],
        their_rows / etl[2], my_rows / run[4] / (their_rows / etl[2])
}'
