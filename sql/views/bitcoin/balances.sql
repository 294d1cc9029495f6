-- What each address holds, received and sent.
--
-- Every input carries the value and the address of the output that it spends, so one pass over
-- both tables is enough: nothing is joined. Outputs without an address and outputs that can never
-- be spent are nobody's holdings. Addresses that hold nothing now are left out.
select
    address,
    sum(received) - sum(sent) as balance,
    sum(outputs) as utxo_count,
    sum(received) as received,
    sum(sent) as sent,
    min(height) as first_height,
    max(height) as last_height
from (
    select address, height, value as received, cast(0 as bigint) as sent, cast(1 as bigint) as outputs
    from bitcoin.outputs
    where is_spendable and address is not null
    union all
    select address, height, cast(0 as bigint), value, cast(-1 as bigint)
    from bitcoin.inputs
    where address is not null
) as moves
group by address
having sum(received) > sum(sent)
