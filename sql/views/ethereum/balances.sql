-- Holdings of ether: what came to an address less what went from it.
--
-- Contracts move ether within transactions, and only traces tell of it; a lake without them, or one
-- that does not begin with the genesis accounts, knows a part of the movements. "missing" says so.
select
    address,
    sum(change) as balance,
    sum(case when change > 0 then change end) as received,
    -sum(case when change < 0 then change end) as sent,
    min(height) as first_height,
    max(height) as last_height,
    ethereum_missing_flows() as missing
from (
    select to_address as address, value as change, height
    from ethereum.value_flows
    where to_address is not null
    union all
    select from_address as address, -value as change, height
    from ethereum.value_flows
    where from_address is not null
)
group by address
having sum(change) <> 0
