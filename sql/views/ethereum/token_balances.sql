-- Holdings of ERC-20 tokens: what came to an address less what went from it, as the token's own
-- contract logs it. The zero address stands for tokens that do not exist yet, or no more.
select
    token,
    address,
    sum(change) as balance,
    sum(case when change > 0 then change end) as received,
    -sum(case when change < 0 then change end) as sent,
    min(height) as first_height,
    max(height) as last_height
from (
    select token, to_address as address, value as change, height
    from ethereum.token_transfers
    where standard = 'erc20' and value is not null
    union all
    select token, from_address as address, -value as change, height
    from ethereum.token_transfers
    where standard = 'erc20' and value is not null
)
where address <> '0x0000000000000000000000000000000000000000'
group by token, address
having sum(change) <> 0
