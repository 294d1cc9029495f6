-- Energy over what a chain did on the same day. Neither follows from the other: an empty block takes as much.
select
    energy.chain,
    energy.method,
    energy.day,
    power_gw * 24e6 / transactions as kwh_per_transaction,
    power_gw * 24e6 / cast(nullif(fiat(energy.chain, transfer_value_adjusted, energy.day), 0) as double)
        as kwh_per_usd_moved
from analytics.energy_daily as energy
join analytics.network_daily as network
    on network.chain = energy.chain and network.day = energy.day
where transactions > 0
