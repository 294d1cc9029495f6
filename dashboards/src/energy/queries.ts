// What the dashboard asks. Grafana replaces `$name` before the data source sees a statement.

import { byDay } from '../grafana.js';

const DAILY = 'analytics.energy_daily';
const EMISSIONS = 'analytics.emissions_daily';
const COMPARE = 'analytics.energy_compare';
const PER_USE = 'analytics.energy_per_use_daily';

/** The value of the variable `year` that stands for the last year there is: one that no year comes after. */
export const LAST_YEAR = '2200';

/** Units of the tables in those that Grafana writes with as few digits as it can: Wh, W and t. */
const WH_PER_TWH = '1e12';
const T_PER_MT = '1e6';

/** A column in TWh, in Wh. */
export function energy(column: string): string {
  return `${column} * ${WH_PER_TWH}`;
}

/** A column in GW, in W. */
export function power(column: string): string {
  return `${column} * 1e9`;
}

/** What is asked about. */
const OF = `chain = '$chain' and method = '$method'`;

/** The year of a row with a `day`. */
const YEAR = 'cast(extract(year from day) as int)';

/** The chosen year, or the last one before it that has an estimate. */
const THE_YEAR = `(select max(${YEAR}) from ${DAILY} where ${OF} and ${YEAR} <= cast('$year' as int))`;

/** All countries beside the chosen year, one row each. */
const BESIDE_COUNTRIES = `from ${COMPARE}
where ${OF} and year = ${THE_YEAR}`;

/** Columns of the chosen year beside the chosen country: one row. */
export function ofYear(columns: string): string {
  return `select ${columns}
${BESIDE_COUNTRIES} and country = '$country'`;
}

/** Aggregates of the days of the chosen year: one row. */
export function ofDays(columns: string): string {
  return `select ${columns}
from ${DAILY}
where ${OF} and ${YEAR} = ${THE_YEAR}
having count(*) > 0`;
}

/** Emissions of days in tonnes: each has its part of a year's. */
const EMITTED_TONNES = `sum(annual_mt_co2e) / 365.25 * ${T_PER_MT}`;

/** Emissions of the chosen year. */
export const EMITTED = `select ${EMITTED_TONNES} as "Emitted"
from ${EMISSIONS}
where ${OF} and ${YEAR} = ${THE_YEAR}
having count(*) > 0`;

/** Figures of each day over the times that are shown. */
export function overTime(columns: string): string {
  return byDay(columns, DAILY, OF);
}

/** The three figures that a column has, each in the units that `scaled` makes of it. */
export function bounds(column: string, scaled: (column: string) => string): string {
  const [lower, best, upper] = [`${column}_lower`, column, `${column}_upper`].map(scaled);
  return `${lower} as "At least", ${best} as "Best guess", ${upper} as "At most"`;
}

export const EMISSIONS_OVER_TIME = byDay(bounds('annual_mt_co2e', (column) => `${column} * ${T_PER_MT}`), EMISSIONS, OF);

export const GRID_OVER_TIME = byDay('g_co2e_per_kwh as "Emissions of a kWh"', EMISSIONS, OF);

export const METHODS_OVER_TIME = `select day as "time", method as metric, ${energy('annual_twh')}
from ${DAILY}
where chain = '$chain' and $__timeFilter(day)
order by day, method`;

/** What would have been at another price of electricity, where any machine would have paid for that. */
export const SCENARIO = `select daily.day as "time", ${energy('daily.annual_twh')} as "As estimated",
  case when scenario.is_carried then null else ${energy('scenario.annual_twh')} end as "At the chosen price"
from ${DAILY} as daily
join energy('$chain', price_usd_per_kwh => '$price') as scenario
  on daily.day = scenario.day and daily.method = scenario.method
where daily.chain = '$chain' and daily.method = '$method' and $__timeFilter(daily.day)
order by daily.day`;

/** The countries that used about as much, and the chain among them. */
export const RANKING = `select "Who", "Country", "Chain"
from (
  select '$chain' as "Who", cast(null as double precision) as "Country", ${energy('max(twh)')} as "Chain"
  ${BESIDE_COUNTRIES}
  union all
  select "Who", "Country", cast(null as double precision)
  from (
    select name || ' (' || cast(country_year as varchar) || ')' as "Who", ${energy('country_twh')} as "Country"
    ${BESIDE_COUNTRIES}
    order by abs(ln(country_twh / nullif(twh, 0)))
    limit 10
  ) as near
) as ranked
where coalesce("Country", "Chain") is not null
order by coalesce("Country", "Chain") desc`;

/** Every year of the chain beside the chosen country. */
export const YEARS = `select cast(energy.year as varchar) as "Year", energy.days as "Days", ${energy('twh')} as "Best guess", ${energy('twh_lower')} as "At least",
  ${energy('twh_upper')} as "At most", emitted as "Emissions", share as "Of the country"
from ${COMPARE} as energy
join (
  select ${YEAR} as year, ${EMITTED_TONNES} as emitted
  from ${EMISSIONS}
  where ${OF}
  group by 1
) as emissions on energy.year = emissions.year
where ${OF} and country = '$country'
order by energy.year desc`;

/** What the figures of the chosen year rest on, and for how many of its days. */
export const ORIGINS = `select hash_rate_from as "Hash rate", revenue_from as "Revenue", count(*) as "Days",
  count(*) filter (where is_carried) as "No machine paid", cast(cast(min(price_day) as date) as varchar) as "Oldest price"
from ${DAILY}
where ${OF} and ${YEAR} = ${THE_YEAR}
group by 1, 2
order by 3 desc, 1, 2`;

/** The parameters of the chain as they are now, with their sources. */
export const PARAMETERS = `select parameter as "Parameter", lower as "Lower", best as "Best", upper as "Upper", unit as "Unit", source as "Source"
from reference.energy_parameters
where chain = '$chain'
order by parameter`;

export const PER_TRANSACTION = byDay('kwh_per_transaction * 1e3 as "A transaction"', PER_USE, OF);

/** What can be chosen. */
export const CHOICES = {
  chain: `select distinct chain as "__value",
  case chain when 'bitcoin' then 'Bitcoin' when 'ethereum' then 'Ethereum' else chain end as "__text"
from ${DAILY}
order by 1`,
  method: `select distinct method as "__value", method as "__text"
from ${DAILY}
where chain = '$chain'
order by 1`,
  // Those after the last are one, so that a page that stays open shows what is added.
  year: `select '${LAST_YEAR}' as "__value", 'Last' as "__text"
union all
select cast(year as varchar), cast(year as varchar)
from (select distinct ${YEAR} as year from ${DAILY} where ${OF}) as years
order by 1 desc`,
  country: `select distinct country as "__value", name as "__text"
from ${COMPARE}
order by 2`,
  price: `select cast(cents / 100.0 as varchar) as "__value", cast(cents as varchar) || ' ct/kWh' as "__text"
from unnest(array[${Array.from({ length: 20 }, (_, place) => place + 1).join(', ')}]) as prices(cents)
order by cents`,
};
