-- What chains burnt in each year beside what countries used in that year, or in the nearest year that is known.
with years as (
    select
        chain,
        method,
        cast(date_part('year', day) as int) as year,
        count(*) as days,
        coalesce(sum(power_gw_lower), 0) * 0.024 as twh_lower,
        coalesce(sum(power_gw), 0) * 0.024 as twh,
        coalesce(sum(power_gw_upper), 0) * 0.024 as twh_upper
    from analytics.energy_daily
    group by 1, 2, 3
),
asked as (
    select distinct year
    from years
),
countries as (
    select
        asked.year,
        country,
        name,
        used.year as country_year,
        used.twh as country_twh,
        row_number() over (
            partition by asked.year, country
            order by abs(used.year - asked.year), used.year desc
        ) as place
    from asked
    cross join reference.electricity_use as used
)
select
    years.chain,
    years.method,
    years.year,
    years.days,
    twh_lower,
    twh,
    twh_upper,
    country,
    name,
    country_year,
    country_twh,
    twh / country_twh as share
from years
join countries on countries.year = years.year and place = 1
