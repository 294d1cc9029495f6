#!/usr/bin/env bash
# Times whole indexing of Bitcoin block files against its floor: reading the files and computing the
# hashes of headers and transactions. Block data like today's is made first (kept in DIR for the
# next time), or taken from a folder of one's own.
#
# usage: benches/bitcoin_index.sh [-b BLOCKS_DIR] [-n BLOCKS] [-r ROUNDS] [DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/blocks.sh

blocks_dir= blocks=300 rounds=5
while getopts b:n:r: option; do
    case $option in
        b) blocks_dir=$OPTARG ;;
        n) blocks=$OPTARG ;;
        r) rounds=$OPTARG ;;
        *) sed -n '2,7s/^# \?//p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dir=${1:-target/bench}
mkdir -p "$dir"

echo "building" >&2
cargo build --release --quiet --locked -p assay-benches --example bitcoin_index
if [ -z "$blocks_dir" ]; then
    blocks_dir=$dir/blocks-$blocks
    make_blocks "$blocks" "$blocks_dir"
fi

program=target/release/examples/bitcoin_index
lake=$dir/lake
trap 'rm -rf "$lake"' EXIT
cores=$(nproc)
$program floor "$blocks_dir" >/dev/null # the files are in the page cache from here on

# Prints what a run says with its name in front: NAME BYTES SECONDS MEMORY_KB.
measure() {
    local name=$1; shift
    rm -rf "$lake"
    "$@" | awk -v name="$name" '{ print name, $1, $3, $(NF - 1) }'
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    measure floor taskset -c 0 "$program" floor "$blocks_dir"
    measure index-1-core taskset -c 0 "$program" index "$blocks_dir" "$lake" 1
    if [ "$cores" -gt 1 ]; then
        measure "index-$cores-cores" "$program" index "$blocks_dir" "$lake" "$cores"
    fi
done | awk '
    { bytes = $2; if (!($1 in best) || $3 < best[$1]) best[$1] = $3; if ($4 > memory[$1]) memory[$1] = $4
      times[$1] = times[$1] " " $3; if (!($1 in seen)) { seen[$1] = 1; order[++count] = $1 } }
    END {
        printf "%.0f MB of block data; the best of the rounds counts, all are shown\n", bytes / 1e6
        for (at = 1; at <= count; at++) {
            name = order[at]
            printf "%-16s %6.2f s %7.1f MB/s  %5.2f x floor  peak %5.0f MB  (%s )\n", name, best[name],
                bytes / 1e6 / best[name], best[name] / best["floor"], memory[name] / 1000, times[name]
        }
    }'
