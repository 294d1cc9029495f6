-- What each address holds as of height $to: what it held as of the block before height $from, and what
-- came and went since.
select 'ethereum' as asset, address, sum(change) as balance, $to as height
from (
    select address, balance as change from analytics.balances where asset = 'ethereum' and $from > $first
    union all
    select '0x' || hex(to_address), value
    from ethereum.value_flows
    where to_address is not null and height between $from and $to
    union all
    select '0x' || hex(from_address), -value
    from ethereum.value_flows
    where from_address is not null and height between $from and $to
) as changes
group by address
having sum(change) <> 0
order by address
