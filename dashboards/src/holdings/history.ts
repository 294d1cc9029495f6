// How it came to be: the measures, shares of the richest, brackets and metrics over time.

import { rows, series, toPanel, type Placed } from '../grafana.js';
import { lines, LOGARITHMIC, override, STACKED, table, type PointLink } from '../panels.js';
import { COLOUR, fixed, POOREST_FIRST, RICHEST_FIRST, UNIT } from '../style.js';
import * as ask from './queries.js';
import { PANEL, UID } from './uid.js';

/** Each name with the colour at its place. */
function coloured(names: string[], colours: readonly string[]) {
  return names.map((name, place) => override(name, { color: fixed(colours[place] ?? COLOUR.neutral) }));
}

/** This dashboard with all that the reader has chosen but the variable `name`, which becomes `value`. */
function choosing(name: string, value: string): string {
  const others = ['datasource', 'asset', 'basis', 'day', 'metric'].filter((other) => other !== name);
  const kept = others.map((other) => `\${${other}:queryparam}`).join('&');
  return `/d/${UID}?\${__url_time_range}&${kept}&var-${name}=${value}`;
}

/** Takes all figures of the day of a point. */
const TAKE_DAY: PointLink = {
  title: 'Take the figures of this day',
  url: choosing('day', '${__value.time:date:iso}'),
  targetBlank: false,
};

/** Shows the metric of a cell over time. */
const SHOW_METRIC: PointLink = {
  title: 'Show ${__value.raw} over time',
  url: choosing('metric', '${__value.raw}'),
  targetBlank: false,
};

const BRACKET_COLOURS = ask.BRACKET_PLACES.map(([name, place]) =>
  override(name, { color: fixed(POOREST_FIRST[place] ?? COLOUR.neutral) }),
);

export const overTime: Placed[] = [
  [0, 0, 12, 8, lines(
    {
      id: PANEL.gini,
      title: 'Gini coefficient',
      description: 'The Gini coefficient of what holders hold, at the end of each day: 0 if all hold the same, near 1 if one holds everything. In the first days of a chain a handful of miners hold all coins in equal parts, so it begins low. The vertical line is the chosen day; a click on a point chooses its day, here and in the panels below.',
      links: [toPanel(UID, 'The Lorenz curve of the chosen day', PANEL.lorenz)],
    },
    series(ask.overTime('gini as "Gini"')),
    {
      links: [TAKE_DAY],
      unit: UNIT.plain,
      decimals: 3,
      custom: { axisSoftMin: 0, axisSoftMax: 1 },
      overrides: [override('Gini', { color: fixed(COLOUR.gini) })],
    },
  )],
  [12, 0, 12, 8, lines(
    {
      id: PANEL.theil,
      title: 'Theil index',
      description: 'Theil\'s index T in nats, at the end of each day: 0 if all hold the same, ln(*n*) if one of *n* holds everything. With balances *x* and their mean *μ*: (1/*n*)·Σ(*x*/*μ*)·ln(*x*/*μ*). It weighs what happens among the rich more than Gini does. (H. Theil, *Economics and Information Theory*, 1967.)',
      links: [toPanel(UID, 'Gini coefficient', PANEL.gini)],
    },
    series(ask.overTime('theil as "Theil"')),
    {
      links: [TAKE_DAY],
      unit: UNIT.plain,
      decimals: 2,
      custom: { axisSoftMin: 0 },
      overrides: [override('Theil', { color: fixed(COLOUR.theil) })],
    },
  )],
  [0, 8, 12, 8, lines(
    {
      id: PANEL.hhi,
      title: 'HHI (of 10,000)',
      description: 'The index of Herfindahl and Hirschman at the end of each day: the sum of the squares of all holders\' shares, times 10,000. Each step of the axis is ten times the one below.',
      links: [toPanel(UID, 'Nakamoto coefficient', PANEL.nakamoto)],
    },
    series(ask.overTime('hhi * 10000 as "HHI"')),
    { links: [TAKE_DAY], unit: UNIT.rounded, custom: LOGARITHMIC, overrides: [override('HHI', { color: fixed(COLOUR.hhi) })] },
  )],
  [12, 8, 12, 8, lines(
    {
      id: PANEL.nakamoto,
      title: 'Nakamoto coefficient',
      description: 'The least number of holders who together hold more than half of what is held, at the end of each day. Each step of the axis is ten times the one below.',
      links: [toPanel(UID, 'HHI', PANEL.hhi)],
    },
    series(ask.overTime('nakamoto as "Nakamoto"')),
    { links: [TAKE_DAY], unit: UNIT.rounded, custom: LOGARITHMIC, overrides: [override('Nakamoto', { color: fixed(COLOUR.nakamoto) })] },
  )],
  [0, 16, 12, 9, lines(
    {
      id: PANEL.richestByNumber,
      title: 'Shares of the richest, by their number',
      description: 'Share of what is held that the 10, 100, 1,000 and 10,000 richest hold, at the end of each day. Each includes those before. While there are fewer holders than that, they hold all.',
      links: [toPanel(UID, 'Shares of the richest, by their share of holders', PANEL.richestByShare)],
    },
    series(
      ask.overTime('top_10_share as "10 richest", top_100_share as "100 richest", top_1000_share as "1,000 richest", top_10000_share as "10,000 richest"'),
    ),
    {
      links: [TAKE_DAY],
      unit: UNIT.share,
      decimals: 1,
      min: 0,
      max: 1,
      overrides: coloured(['10 richest', '100 richest', '1,000 richest', '10,000 richest'], RICHEST_FIRST),
    },
  )],
  [12, 16, 12, 9, lines(
    {
      id: PANEL.richestByShare,
      title: 'Shares of the richest, by their share of holders',
      description: 'Share of what is held that the richest 1, 3 and 10 in 100 holders hold, at the end of each day. Each includes those before. As more and more small holders come, the richest 1 % are more and more people.',
      links: [toPanel(UID, 'Shares of the richest, by their number', PANEL.richestByNumber)],
    },
    series(
      ask.overTime('top_1_percent_share as "Richest 1 %", top_3_percent_share as "Richest 3 %", top_10_percent_share as "Richest 10 %"'),
    ),
    {
      links: [TAKE_DAY],
      unit: UNIT.share,
      decimals: 1,
      min: 0,
      max: 1,
      overrides: coloured(['Richest 1 %', 'Richest 3 %', 'Richest 10 %'], RICHEST_FIRST),
    },
  )],
  [0, 25, 12, 10, lines(
    {
      id: PANEL.holdersByBracket,
      title: 'Holders by bracket',
      description: 'How many hold between what and what, in whole coins, at the end of each day, on top of each other: the upper edge is all holders. Exact. Violet is the poorest bracket.',
      links: [toPanel(UID, 'Brackets of the chosen day', PANEL.brackets)],
    },
    series(ask.bracketsOverTime('holders')),
    { links: [TAKE_DAY], unit: UNIT.rounded, min: 0, custom: STACKED, overrides: BRACKET_COLOURS },
  )],
  [12, 25, 12, 10, lines(
    {
      id: PANEL.supplyByBracket,
      title: 'Supply by bracket',
      description: 'What share of the supply the holders of each bracket hold, at the end of each day, on top of each other. What is left above has no holder. Violet is the poorest bracket.',
      links: [toPanel(UID, 'Brackets of the chosen day', PANEL.brackets)],
    },
    series(ask.bracketsOverTime('supply_share')),
    { links: [TAKE_DAY], unit: UNIT.share, decimals: 1, min: 0, max: 1, custom: STACKED, overrides: BRACKET_COLOURS },
  )],
];

export const metrics: Placed[] = [
  [0, 0, 12, 12, lines(
    {
      id: PANEL.metrics,
      title: 'The chosen metrics over time',
      description: 'The metrics that are chosen at the top, by the names and definitions of Coin Metrics (its product documentation, "Addresses" and "Supply"): numbers of holders, whole coins, or ratios. Choose such as have one scale.',
    },
    series(ask.METRICS_OVER_TIME),
    { links: [TAKE_DAY], unit: UNIT.rounded, custom: { axisSoftMin: 0 } },
  )],
  [12, 0, 12, 12, table(
    {
      id: 42,
      title: 'All metrics on the chosen day',
      description: 'Every metric by the names and definitions of Coin Metrics, with what it means. Exact where it counts those with at least so many coins (`Ntv`); where it counts those with at least a part of the supply (`1in`), or the richest, holders count by balances grouped to 1 part in 1,024. A click on a name shows that metric over time.',
      links: [toPanel(UID, 'The chosen metrics over time', PANEL.metrics)],
    },
    rows(ask.METRIC_TABLE),
    [
      override('Metric', { 'custom.width': 170, links: [SHOW_METRIC], 'custom.filterable': true }),
      override('Value', { unit: UNIT.exact, decimals: 4, 'custom.width': 150 }),
    ],
  )],
];
