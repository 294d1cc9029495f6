#!/usr/bin/env bash
# Times both stores side by side, and the questions of sql/questions on them, on ClickHouse itself and
# in DuckDB. What is needed is made first, and kept in DIR for the next time: block data like today's to
# go in, and simulated chains to be asked. Needs Python with chdb-core, duckdb and pyarrow in
# target/tools/python (.ci/run makes it; pip adds the other two).
#
# usage: benches/stores.sh [-n BLOCKS] [-s OUTPUTS] [-r ROUNDS] [DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
. benches/blocks.sh

blocks=300 outputs=4000000 rounds=3
while getopts n:s:r: option; do
    case $option in
        n) blocks=$OPTARG ;;
        s) outputs=$OPTARG ;;
        r) rounds=$OPTARG ;;
        *) sed -n '2,8s/^# \?//p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
dir=${1:-target/bench}
mkdir -p "$dir"

echo "building" >&2
cargo build --release --quiet --locked
cargo build --release --quiet --locked -p assay-fixtures --example stores
blocks_dir=$dir/blocks-$blocks
make_blocks "$blocks" "$blocks_dir"
demo=$dir/demo-$outputs
target/release/assay demo -q --scale "$outputs" --keep "$demo" >/dev/null
target/release/examples/stores target/release/assay "$blocks_dir" "$demo" "$rounds"
