-- What each address holds as of height $to: what it held as of the block before height $from, and what
-- came and went since.
select 'bitcoin' as asset, address, sum(change) as balance, $to as height
from (
    select address, balance as change from analytics.balances where asset = 'bitcoin' and $from > $first
    union all
    select address, cast(value as decimal(38, 0))
    from bitcoin.outputs
    where is_spendable and address is not null and height between $from and $to
    union all
    select address, cast(-value as decimal(38, 0))
    from bitcoin.inputs
    where address is not null and height between $from and $to
) as changes
group by address
having sum(change) <> 0
order by address
