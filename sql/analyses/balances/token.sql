-- What each address holds of a token as of height $to: what it held as of the block before height $from, and
-- what came and went since. The zero address stands for tokens that do not exist yet, or no more.
select '$token' as asset, address, sum(change) as balance, $to as height
from (
    select address, cast(balance as decimal(76, 0)) as change
    from analytics.balances
    where asset = '$token' and $from > $first
    union all
    select '0x' || hex(to_address), value
    from ethereum.token_transfers
    where token = '$token' and standard = 'erc20' and value is not null and height between $from and $to
    union all
    select '0x' || hex(from_address), -value
    from ethereum.token_transfers
    where token = '$token' and standard = 'erc20' and value is not null and height between $from and $to
) as changes
where address <> '0x0000000000000000000000000000000000000000'
group by address
having sum(change) <> 0
order by address
