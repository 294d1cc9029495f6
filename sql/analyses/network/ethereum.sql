-- What Ethereum did on each of some days: the columns of analytics.network_daily but for those that need
-- what was before. For what $days, $from and $to stand, see bitcoin.sql.
with days as (
    select column1 as day, column2 as height from (values $days) as days
),
of_blocks as (
    select
        block_day('ethereum', height) as day,
        count(*) as blocks,
        sum(transaction_count) as transactions,
        sum(size) as size,
        sum(gas_used) as gas_used,
        sum(gas_limit) as gas_limit,
        avg(to_unixtime(time) - to_unixtime(block_time('ethereum', height - 1))) as block_interval_seconds
    from ethereum.blocks
    where height between $from and $to
    group by 1
),
of_fees as (
    select
        block_day('ethereum', height) as day,
        sum(fee) as fees,
        count(*) as payers,
        median(cast(fee as double)) as fee_median
    from ethereum.transactions
    where height between $from and $to
    group by 1
),
flows as (
    select block_day('ethereum', height) as day, kind, from_address, to_address, value
    from ethereum.value_flows
    where height between $from and $to
),
of_flows as (
    select
        day,
        sum(value) filter (where kind in ('transfer', 'internal')) as transfer_value,
        sum(value) filter (
            where kind in ('transfer', 'internal') and from_address <> to_address
        ) as transfer_value_adjusted,
        sum(value) filter (where from_address is null) as issued,
        sum(value) filter (where to_address is null) as lost
    from flows
    group by 1
),
of_addresses as (
    select day, count(distinct address) as active_addresses
    from (
        select day, from_address as address from flows
        union all
        select day, to_address as address from flows
    ) as moves
    where address is not null
    group by 1
)
select
    'ethereum' as chain,
    days.day,
    days.height,
    coalesce(blocks, 0) as blocks,
    coalesce(transactions, 0) as transactions,
    coalesce(active_addresses, 0) as active_addresses,
    coalesce(transfer_value, 0) as transfer_value,
    coalesce(transfer_value_adjusted, 0) as transfer_value_adjusted,
    coalesce(fees, 0) as fees,
    cast(fees as double) / payers as fee_mean,
    fee_median,
    coalesce(issued, 0) as issued,
    coalesce(lost, 0) as lost,
    cast(null as double) as coin_days_destroyed,
    block_interval_seconds,
    coalesce(size, 0) as size,
    coalesce(gas_used, 0) as gas_used,
    coalesce(gas_limit, 0) as gas_limit
from days
left join of_blocks on of_blocks.day = days.day
left join of_fees on of_fees.day = days.day
left join of_flows on of_flows.day = days.day
left join of_addresses on of_addresses.day = days.day
order by days.day
