-- What Bitcoin did on each of some days: the columns of analytics.network_daily but for those that need
-- what was before.
--
-- $days stands for a row (start, last height) a day, $from and $to for the first and the last height of
-- all of them, and $hour_after for the last height at which an output of theirs can be spent within an hour.
with days as (
    select column1 as day, column2 as height from (values $days) as days
),
of_blocks as (
    select
        block_day('bitcoin', height) as day,
        count(*) as blocks,
        sum(transaction_count) as transactions,
        sum(fees) as fees,
        sum(coinbase_value) - sum(fees) as issued,
        sum(size) as size,
        avg(to_unixtime(time) - to_unixtime(block_time('bitcoin', height - 1))) as block_interval_seconds
    from bitcoin.blocks
    where height between $from and $to
    group by 1
),
of_fees as (
    select
        block_day('bitcoin', height) as day,
        sum(fee) as fees,
        count(*) as payers,
        median(cast(fee as double)) as fee_median
    from bitcoin.transactions
    where height between $from and $to and not is_coinbase
    group by 1
),
outputs as (
    select *
    from bitcoin.outputs
    where height between $from and $to
),
inputs as (
    select *
    from bitcoin.inputs
    where height between $from and $to
),
of_outputs as (
    select
        block_day('bitcoin', height) as day,
        sum(value) filter (where tx_index > 0) as transfer_value,
        sum(value) filter (where not is_spendable) as lost
    from outputs
    group by 1
),
-- What did not come back to an address that sent it, and stayed for an hour.
of_transfers as (
    select block_day('bitcoin', created.height) as day, sum(created.value) as transfer_value_adjusted
    from outputs as created
    where created.tx_index > 0
      and not exists (
        select 1
        from inputs as own
        where own.height = created.height
          and own.tx_index = created.tx_index
          and own.address = created.address
      )
      and not exists (
        select 1
        from bitcoin.inputs as soon
        where soon.height between $from and $hour_after
          and soon.spent_height = created.height
          and soon.spent_txid = created.txid
          and soon.spent_output_index = cast(created.output_index as bigint)
          and to_unixtime(soon.time) - to_unixtime(created.time) < 3600
      )
    group by 1
),
of_addresses as (
    select day, count(distinct address) as active_addresses
    from (
        select block_day('bitcoin', height) as day, address from outputs
        union all
        select block_day('bitcoin', height) as day, address from inputs
    ) as moves
    where address is not null
    group by 1
),
-- Satoshis times seconds, which are whole numbers, so that their sum is the same in any order.
of_ages as (
    select
        block_day('bitcoin', height) as day,
        sum(
            cast(value as decimal(38, 0))
                * (to_unixtime(time) - to_unixtime(block_time('bitcoin', spent_height)))
        ) as satoshi_seconds
    from inputs
    group by 1
)
select
    'bitcoin' as chain,
    days.day,
    days.height,
    coalesce(blocks, 0) as blocks,
    coalesce(transactions, 0) as transactions,
    coalesce(active_addresses, 0) as active_addresses,
    coalesce(transfer_value, 0) as transfer_value,
    coalesce(transfer_value_adjusted, 0) as transfer_value_adjusted,
    coalesce(of_blocks.fees, 0) as fees,
    cast(of_fees.fees as double) / payers as fee_mean,
    fee_median,
    coalesce(issued, 0) as issued,
    coalesce(lost, 0) as lost,
    coalesce(cast(satoshi_seconds as double), 0.0) / 8.64e12 as coin_days_destroyed,
    block_interval_seconds,
    coalesce(size, 0) as size,
    cast(null as bigint) as gas_used,
    cast(null as bigint) as gas_limit
from days
left join of_blocks on of_blocks.day = days.day
left join of_fees on of_fees.day = days.day
left join of_outputs on of_outputs.day = days.day
left join of_transfers on of_transfers.day = days.day
left join of_addresses on of_addresses.day = days.day
left join of_ages on of_ages.day = days.day
order by days.day
