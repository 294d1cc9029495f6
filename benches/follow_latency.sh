#!/usr/bin/env bash
# Times how long blocks take from their announcement to where every reader of the lake sees them:
# Bitcoin's from block files with undo data (made first by benches/bitcoin_index.sh), Ethereum's from
# the local node of benches/ethereum_index.sh, which knows real blocks of mainnet.
#
# usage: benches/follow_latency.sh [-b BITCOIN_BLOCKS] [-e ETHEREUM_BLOCKS] [DIR]
set -euo pipefail
cd "$(dirname "$0")/.."

bitcoin=200 ethereum=1000
while getopts b:e: option; do
    case $option in
        b) bitcoin=$OPTARG ;;
        e) ethereum=$OPTARG ;;
        *) sed -n '2,7s/^# \?//p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
target=${CARGO_TARGET_DIR:-target}
dir=${1:-$target/bench}
blocks_dir=$dir/blocks-300
[ -e "$blocks_dir/xor.dat" ] || { echo "run benches/bitcoin_index.sh first" >&2; exit 2; }

echo "building" >&2
cargo build --release --quiet --locked -p assay-benches --examples
export MALLOC_ARENA_MAX=2 # as in deploy/*.service
program=$target/release/examples/follow_latency
lake=$dir/follow-lake
node=
trap 'rm -rf "$lake"; [ -z "$node" ] || kill "$node"' EXIT

rm -rf "$lake"
printf 'bitcoin   '
"$program" bitcoin "$blocks_dir" "$lake" "$bitcoin"

exec 3< <(exec "$target/release/examples/replay_node" $((ethereum + 51)))
node=$!
read -r url first _ <&3 || { echo "ethereum  skipped: no blocks"; exit 0; }
rm -rf "$lake"
printf 'ethereum  '
"$program" ethereum "$url" "$first" "$lake" "$ethereum"
