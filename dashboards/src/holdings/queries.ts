// What the dashboard asks.
//
// Grafana replaces `$name` before the data source sees a statement: a single value comes without quotes, with
// `'` doubled; several come with quotes, and commas between them.

import { byDay } from '../grafana.js';

const DAILY = 'analytics.holdings_daily';
const BRACKETS = 'analytics.holdings_brackets_daily';
const METRICS = 'analytics.holdings_metrics_daily';

/** The value of the variable `day` that stands for the last day there is: one that no day comes after. */
export const LAST_DAY = '2200-01-01';

/** What is asked about. */
const OF = `asset = '$asset' and basis = '$basis'`;

/** The chosen day, or the last one before it that has been computed. */
const ON_THE_DAY = `${OF}
  and day = (select max(day) from ${DAILY} where ${OF} and day <= date '$day')`;

/** Columns of the measures' table on the chosen day: one row. */
export function onTheDay(columns: string): string {
  return `select ${columns}
from ${DAILY}
where ${ON_THE_DAY}`;
}

/** One measure from the first day to the chosen one, whatever the times that are shown. */
export function upToTheDay(measure: string, name: string): string {
  return `select day as "time", ${measure} as "${name}"
from ${DAILY}
where ${OF} and day <= date '$day'
order by day`;
}

/** Measures over the times that are shown. */
export function overTime(columns: string): string {
  return byDay(columns, DAILY, OF);
}

/** A column of each bracket over the times that are shown. */
export function bracketsOverTime(column: string): string {
  return `select day as "time", ${BRACKET} as metric, ${column}
from ${BRACKETS}
where ${OF} and $__timeFilter(day)
order by day, from_coins`;
}

/** One metric of the chosen day: one row. */
export function metricOnTheDay(metric: string, name: string): string {
  return `select value as "${name}"
from ${METRICS}
where ${ON_THE_DAY} and metric = '${metric}'`;
}

/** A whole number of coins as short as it goes: 0.01, 100, 10K, 1M. */
function short(coins: string): string {
  const scaled = (by: string, unit: string) => `cast(cast(${coins} / ${by} as bigint) as varchar) || '${unit}'`;
  return `case
    when ${coins} < 1 then cast(${coins} as varchar)
    when ${coins} < 1e3 then ${scaled('1', '')}
    when ${coins} < 1e6 then ${scaled('1e3', 'K')}
    when ${coins} < 1e9 then ${scaled('1e6', 'M')}
    when ${coins} < 1e12 then ${scaled('1e9', 'B')}
    else ${scaled('1e12', 'T')}
  end`;
}

/** A bracket in words, as in [`BRACKET_PLACES`]. */
const BRACKET = `case
    when from_coins = 0 then 'below ' || ${short('to_coins')}
    when to_coins is null then ${short('from_coins')} || ' and more'
    else ${short('from_coins')} || ' to ' || ${short('to_coins')}
  end`;

/** Where brackets end, whole coins, as they are written. */
const ENDS = ['0.001', '0.01', '0.1', '1', '10', '100', '1K', '10K', '100K', '1M', '10M', '100M', '1B', '10B', '100B', '1T', '10T', '100T', '1000T'];

/** The names that brackets may have, each with its place from the poorest up. */
export const BRACKET_PLACES: Array<[name: string, place: number]> = [
  // Of a coin with fewer than three decimals the first is wider.
  ...ENDS.slice(0, 4).map((end): [string, number] => [`below ${end}`, 0]),
  ...ENDS.slice(1).map((end, place): [string, number] => [`${ENDS[place]} to ${end}`, place + 1]),
  ['1000T and more', ENDS.length],
];

/** The table that E/CN.16/2021/3 quotes. A share of the supply times the supply in coins is in coins, whatever
 *  the asset's decimals. */
export const BRACKET_TABLE = `select ${BRACKET} as "Coins held",
  holders as "Holders",
  holders_share as "Share of holders",
  sum(holders_share) over (order by from_coins) as "This much or less",
  supply_share * (select value from ${METRICS} where ${ON_THE_DAY} and metric = 'SplyCur') as "Coins",
  supply_share as "Share of supply"
from ${BRACKETS}
where ${ON_THE_DAY}
order by from_coins`;

export const BRACKET_BARS = `select ${BRACKET} as "Coins held",
  holders_share as "Share of holders",
  supply_share as "Share of supply"
from ${BRACKETS}
where ${ON_THE_DAY}
order by from_coins`;

/** Lorenz's curve, and what it would be if all held the same. */
export const LORENZ = `select point['holders'] as "Holders", point['holders'] as "If all held the same", point['held'] as "Share held"
from (
  select unnest(lorenz) as point
  from ${DAILY}
  where ${ON_THE_DAY}
) as points
order by 1`;

/** One row a basis, each on the chosen day or its own last one before it. */
export const BASES = `select daily.basis as "One holder is", holders as "Holders", gini as "Gini", theil as "Theil",
  hhi * 10000 as "HHI", nakamoto as "Nakamoto", top_1_percent_share as "Richest 1 %", top_3_percent_share as "Richest 3 %"
from ${DAILY} as daily
join (
  select basis, max(day) as last_day
  from ${DAILY}
  where asset = '$asset' and day <= date '$day'
  group by basis
) as of on daily.basis = of.basis and daily.day = of.last_day
where asset = '$asset'
order by daily.basis`;

export const GINI_BY_BASIS = `select day as "time", 'by ' || basis as metric, gini
from ${DAILY}
where asset = '$asset' and $__timeFilter(day)
order by day, basis`;

export const METRICS_OVER_TIME = `select day as "time", metric, value
from ${METRICS}
where ${OF} and metric in ($metric) and $__timeFilter(day)
order by day, metric`;

/** Metrics in words, by how their names begin. */
const MEANING = `case
    when metric = 'AdrBalCnt' then 'Holders of anything'
    when metric = 'SplyCur' then 'All coins there are'
    when metric = 'SER' then 'Coins of those with less than 1/10M of the supply, for each coin of the richest 1 %'
    when metric = 'NDF' then 'Share of the supply that is with those who hold at least 1/10K of it'
    when metric = 'SplyAdrTop100' then 'Coins of the 100 richest'
    when metric = 'SplyAdrTop1Pct' then 'Coins of the richest 1 %'
    when metric = 'SplyAdrTop10Pct' then 'Coins of the richest 10 %'
    when metric like 'AdrBalNtv%' then 'Holders of at least ' || split_part(split_part(metric, 'Ntv', 2), 'Cnt', 1) || ' coins'
    when metric like 'SplyAdrBalNtv%' then 'Coins of those who hold at least ' || split_part(metric, 'Ntv', 2) || ' coins'
    when metric like 'AdrBal1in%' then 'Holders of at least 1/' || split_part(split_part(metric, '1in', 2), 'Cnt', 1) || ' of the supply'
    when metric like 'SplyAdrBal1in%' then 'Coins of those who hold at least 1/' || split_part(metric, '1in', 2) || ' of the supply'
  end`;

export const METRIC_TABLE = `select metric as "Metric", value as "Value", ${MEANING} as "Meaning"
from ${METRICS}
where ${ON_THE_DAY}
order by metric`;

export const CHOSEN_DAY = `select day as "time", 'The chosen day: block ' || cast(height as varchar) as text
from ${DAILY}
where ${ON_THE_DAY}`;

/** What can be chosen. */
export const CHOICES = {
  asset: `select distinct asset as "__value",
  case asset when 'bitcoin' then 'Bitcoin (BTC)' when 'ethereum' then 'Ether (ETH)' else asset end as "__text"
from ${DAILY}
order by 1`,
  basis: `select distinct basis as "__value", basis as "__text"
from ${DAILY}
where asset = '$asset'
order by 1`,
  // Those after the last are one, so that a page that stays open shows what is added.
  day: `select '${LAST_DAY}' as "__value", 'Last' as "__text"
union all
select cast(cast(day as date) as varchar), cast(cast(day as date) as varchar)
from ${DAILY}
where ${OF}
order by 1 desc`,
  metric: `select distinct metric as "__value", metric as "__text"
from ${METRICS}
where ${OF}
order by 1`,
};
