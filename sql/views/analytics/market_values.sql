-- What all there is of each asset is worth, in US dollars, at the last price before the last block: of coins, and
-- of those tokens that reference.tokens and reference.prices know.
with supplies as (
    select 'bitcoin' as chain, 'bitcoin' as asset, 'BTC' as symbol, 'Bitcoin' as project, sum(balance) as supply
    from bitcoin.balances
    union all
    select 'ethereum', 'ethereum', 'ETH', 'Ethereum', sum(balance)
    from ethereum.balances
    union all
    select 'ethereum', balances.token, symbol, project, sum(balance)
    from ethereum.token_balances as balances
    join reference.tokens as tokens on tokens.token = balances.token
    group by balances.token, symbol, project
)
select
    asset,
    symbol,
    project,
    supply,
    price(asset, time) as price,
    fiat(asset, supply, time) as value
from supplies
join system.watermarks as tips on tips.chain = supplies.chain
where supply > 0 and price(asset, time) is not null
