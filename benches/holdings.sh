#!/usr/bin/env bash
# Makes a lake with so many outputs of a simulated Bitcoin chain, and times the history of its holdings; then
# asks the lake what the README and the dashboards ask, cold and warm, over PostgreSQL's protocol, and as many
# readers at once. What was made is kept in DIR for the next time. Needs root, to have files forgotten, and
# GNU time.
#
# usage: benches/holdings.sh [-s OUTPUTS] [-r ROUNDS] [DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

outputs=100000000 rounds=10
while getopts s:r: option; do
    case $option in
        s) outputs=$OPTARG ;;
        r) rounds=$OPTARG ;;
        *) sed -n '2,8s/^# \?//p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
target=${CARGO_TARGET_DIR:-target}
dir=${1:-$target/bench}
chain=$dir/bitcoin-$outputs
lake=$chain/lake
mkdir -p "$dir"

echo "building" >&2
cargo build --release --quiet --locked -p assay -p assay-fixtures
"$target/release/assay-fixtures" simulate --chain bitcoin --scale "$outputs" --years 13 \
    --part-blocks 5000 -o "$chain" >&2
"$target/release/assay" index bitcoin --blocks-dir "$chain/bitcoin/blocks" --lake "$lake" >&2

for threads in 1 2; do
    rm -rf "$lake/analytics"
    echo "history, $threads threads:"
    /usr/bin/time -f '%e s, %U + %S s of processors, %M KiB at most' taskset -c "0-$((threads - 1))" \
        "$target/release/assay" analyze holdings --asset bitcoin --threads "$threads" --lake "$lake"
done
"$target/release/assay" analyze --lake "$lake" >&2
cargo bench --quiet --locked -p assay --bench serving -- "$lake" "$rounds"
