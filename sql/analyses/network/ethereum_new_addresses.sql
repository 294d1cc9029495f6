-- To how many addresses coins came for the first time on each day from height $from to $to.
select block_day('ethereum', first_height) as day, count(*) as new_addresses
from (
    select min(height) as first_height
    from ethereum.value_flows
    where to_address is not null and height <= $to
    group by to_address
    having min(height) >= $from
) as addresses
group by 1
