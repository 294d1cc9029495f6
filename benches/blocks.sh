# To be sourced. make_blocks COUNT DIR makes a data directory with so many blocks of 1.5 MB, like today's,
# unless it is there.
make_blocks() {
    [ ! -e "$2/xor.dat" ] || return 0
    echo "making $1 blocks of 1.5 MB in $2" >&2
    rm -rf "$2"
    cargo run --release --quiet --locked -p assay-fixtures --example blocks_dir -- \
        "$2.part" "$1" 1500000 1 >&2
    mv "$2.part" "$2"
}
