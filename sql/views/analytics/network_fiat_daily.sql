-- What a chain moved and paid on each day, at the price of the day: of analytics.network_daily, in US dollars.
select
    chain,
    day,
    price(chain, day) as price,
    fiat(chain, fees, day) as fees,
    fee_mean / base_units * price(chain, day) as fee_mean,
    fee_median / base_units * price(chain, day) as fee_median,
    fiat(chain, transfer_value, day) as transfer_value,
    fiat(chain, transfer_value_adjusted, day) as transfer_value_adjusted,
    fiat(chain, issued, day) as issued,
    fiat(chain, supply, day) as supply
from (
    select *, case chain when 'bitcoin' then 1e8 else 1e18 end as base_units
    from analytics.network_daily
)
