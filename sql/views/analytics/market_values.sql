-- What all there is of each asset is worth, in US dollars, at the last price before the last block: of coins, and
-- of those tokens that reference.tokens knows.
with supplies as (
    select 'bitcoin' as chain, 'bitcoin' as asset, 'BTC' as symbol, 'Bitcoin' as project, sum(balance) as supply
    from bitcoin.balances
    union all
    select 'ethereum', 'ethereum', 'ETH', 'Ethereum', sum(balance)
    from ethereum.balances
    union all
    select 'ethereum', known.token, symbol, project, balances.supply
    from (
        select '0x' || hex(token) as token, sum(balance) as supply
        from ethereum.token_balances
        group by 1
    ) as balances
    join reference.tokens as known on known.token = balances.token
)
select
    asset,
    symbol,
    project,
    coalesce(supply, 0) as supply,
    price(asset, time) as price,
    fiat(asset, supply, time) as value
from supplies
join system.watermarks as tips on tips.chain = supplies.chain
where supply > 0
