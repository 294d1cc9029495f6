// What the figures rest on, the figures themselves, and the tables and curves of the chosen day.

import { MappingType } from '@grafana/schema';

import { rows, series, toPanel, type Placed } from '../grafana.js';
import { bars, COUNT, curves, figure, lines, override, shareBar, SUMMED, table, words } from '../panels.js';
import { COLOUR, fixed, UNIT } from '../style.js';
import * as ask from './queries.js';
import { PANEL, UID } from './uid.js';

const EXPLANATION = `
**How unequally \${asset:text} is held**, where one holder is one **\${basis}**, at the end of the chosen day (UTC; *Last* is the last one that has been computed).

**What is counted.** Everyone who holds more than nothing. A balance is the sum of all that the chain itself records up to the block at the right: nothing is sampled or estimated.

**How exact.** Holders, brackets and supply are exact. Gini, Theil, HHI, Nakamoto, the Lorenz curve and shares of the richest are within 1 part in 1,024 of their exact value; the method and its version are at the right.

**What it does not say.** An address is not a person: one person may use thousands, and one address of an exchange may hold the coins of millions. Compare the figures by entity, where they have been computed.

Definitions and sources: the **i** in the corner of each panel.
`.trim();

const MISSING_NONE = 'none';

/** What the figures rest on. */
export const head: Placed[] = [
  [0, 0, 12, 8, words(
    { id: 1, title: 'What this shows', description: 'What the figures of this dashboard mean, and what they do not.' },
    EXPLANATION,
  )],
  [12, 0, 4, 4, figure(
    {
      id: 2,
      title: 'As of the end of',
      description: 'The day at whose end all figures without a time axis are taken, UTC: the chosen one, or the last one before it that has been computed. A block belongs to the day of its header time.',
    },
    rows(ask.onTheDay('cast(cast(day as date) as varchar) as "Day"')),
    { unit: UNIT.plain, colour: COLOUR.neutral },
  )],
  [16, 0, 4, 4, figure(
    {
      id: 3,
      title: 'Last block counted',
      description: 'The height of the last block of that day or before. All balances are those after this block.',
    },
    rows(ask.onTheDay('height as "Block"')),
    { unit: UNIT.exact, decimals: 0, colour: COLOUR.neutral },
  )],
  [20, 0, 4, 4, figure(
    {
      id: 4,
      title: 'Supply',
      description: 'All coins there are after that block, in whole coins, those without an address included. For tokens: minted less burnt. (`SplyCur`)',
    },
    rows(ask.metricOnTheDay('SplyCur', 'Supply')),
    { unit: UNIT.exact, decimals: 2, colour: COLOUR.neutral },
  )],
  [12, 4, 4, 4, figure(
    {
      id: 5,
      title: 'Method',
      description: 'Name and version of the method that computed these figures: it changes whenever a figure could. Cite it with the block.',
    },
    rows(ask.onTheDay('method as "Method"')),
    { unit: UNIT.plain, colour: COLOUR.neutral },
  )],
  [16, 4, 4, 4, figure(
    {
      id: 6,
      title: 'Supply that has a holder',
      description: 'The part of the supply that is with a holder. The rest is in outputs without an address, such as bare multisignatures. Gini and the other measures are about what holders hold; the column "Share of supply" of the brackets is about all.',
    },
    rows(ask.onTheDay('cast(held as double precision) / nullif(cast(supply as double precision), 0) as "Held"')),
    { unit: UNIT.share, decimals: 2, colour: COLOUR.neutral },
  )],
  [20, 4, 4, 4, figure(
    {
      id: 7,
      title: 'Flows that are not known',
      description: 'Flows of the asset that the store does not know, so that balances are not whole. Ether that contracts transfer is known only where the node gave traces. Where this is not "none", take all figures of this page with care.',
    },
    rows(ask.onTheDay(`coalesce(missing, '${MISSING_NONE}') as "Missing"`)),
    {
      unit: UNIT.plain,
      colour: COLOUR.warning,
      mappings: [
        { type: MappingType.ValueToText, options: { [MISSING_NONE]: { text: 'None', color: COLOUR.fine, index: 0 } } },
      ],
    },
  )],
];

/** The figures that are quoted most, each above its course up to the chosen day. */
export const figures: Placed[] = [
  [0, 8, 4, 4, figure(
    {
      id: 11,
      title: 'Gini coefficient',
      description: '0 if all holders hold the same, near 1 if one holds everything. With balances *x* in ascending order and ranks *i* = 1…*n*: 2·Σ(*i*·*x*) / (*n*·Σ*x*) − (*n* + 1) / *n*. (C. Gini, *Variabilità e mutabilità*, 1912.)',
      links: [toPanel(UID, 'Gini coefficient over time', PANEL.gini), toPanel(UID, 'The Lorenz curve, which it sums up', PANEL.lorenz)],
    },
    series(ask.upToTheDay('gini', 'Gini')),
    { unit: UNIT.plain, decimals: 3, colour: COLOUR.gini },
  )],
  [4, 8, 4, 4, figure(
    {
      id: 12,
      title: 'Nakamoto coefficient',
      description: 'The least number of holders who together hold more than half of what is held: the fewer, the more concentrated. (B. Srinivasan and L. Lee, *Quantifying Decentralization*, 2017.)',
      links: [toPanel(UID, 'Nakamoto coefficient over time', PANEL.nakamoto)],
    },
    series(ask.upToTheDay('nakamoto', 'Nakamoto')),
    { unit: UNIT.exact, decimals: 0, colour: COLOUR.nakamoto },
  )],
  [8, 8, 4, 4, figure(
    {
      id: 13,
      title: 'HHI (of 10,000)',
      description: 'The index of Herfindahl and Hirschman: the sum of the squares of all holders\' shares, times 10,000. 10,000 if one holds everything. For scale: of the market shares of companies, the United States\' *Merger Guidelines* (2023, 2.1) call more than 1,800 highly concentrated.',
      links: [toPanel(UID, 'HHI over time', PANEL.hhi)],
    },
    series(ask.upToTheDay('hhi * 10000', 'HHI')),
    { unit: UNIT.exact, decimals: 2, colour: COLOUR.hhi },
  )],
  [12, 8, 4, 4, figure(
    {
      id: 14,
      title: 'Holders',
      description: 'How many hold more than nothing. Exact. (`AdrBalCnt`)',
      links: [toPanel(UID, 'Holders by bracket over time', PANEL.holdersByBracket)],
    },
    series(ask.upToTheDay('holders', 'Holders')),
    { unit: UNIT.exact, decimals: 0, colour: COLOUR.holders },
  )],
  [16, 8, 4, 4, figure(
    {
      id: 15,
      title: 'Richest 1 % hold',
      description: 'Share of what is held that the richest hundredth of the holders holds. Where that is no whole number of holders, a part of one counts.',
      links: [toPanel(UID, 'Shares of the richest over time', PANEL.richestByShare)],
    },
    series(ask.upToTheDay('top_1_percent_share', 'Richest 1 %')),
    { unit: UNIT.share, decimals: 1, colour: COLOUR.richest },
  )],
  [20, 8, 4, 4, figure(
    {
      id: 16,
      title: 'Richest 3 % hold',
      description: 'Share of what is held that the richest 3 in 100 holders hold: the figure that the UN report E/CN.16/2021/3, para. 56 (c), quotes for Bitcoin. Where that is no whole number of holders, a part of one counts.',
      links: [toPanel(UID, 'Shares of the richest over time', PANEL.richestByShare), toPanel(UID, 'Brackets', PANEL.brackets)],
    },
    series(ask.upToTheDay('top_3_percent_share', 'Richest 3 %')),
    { unit: UNIT.share, decimals: 1, colour: COLOUR.richest },
  )],
];

/** Brackets, the Lorenz curve, and one basis against the other. */
export const onTheDay: Placed[] = [
  [0, 0, 14, 11, table(
    {
      id: PANEL.brackets,
      title: 'Holders by what they hold',
      description: 'How many hold between what and what, in whole coins: the lower end belongs to the bracket, the upper does not. The table that the UN report E/CN.16/2021/3, para. 56 (c), quotes; "This much or less" is the share of holders up to and with a bracket, as in "half of all addresses hold less than 0.01". Holders and coins are exact. The shares of supply need not add up to 100 %: some coins have no holder.',
      links: [toPanel(UID, 'Holders by bracket over time', PANEL.holdersByBracket), toPanel(UID, 'Supply by bracket over time', PANEL.supplyByBracket)],
    },
    rows(ask.BRACKET_TABLE),
    [
      override('Coins held', { 'custom.width': 130 }),
      override('Holders', { ...COUNT, ...SUMMED, 'custom.width': 120 }),
      override('Share of holders', { ...shareBar(COLOUR.holders), ...SUMMED }),
      override('This much or less', { unit: UNIT.share, decimals: 2, 'custom.width': 110 }),
      override('Coins', { unit: UNIT.exact, decimals: 2, ...SUMMED, 'custom.width': 130 }),
      override('Share of supply', { ...shareBar(COLOUR.coins), ...SUMMED }),
    ],
  )],
  [14, 0, 10, 11, bars(
    {
      id: 22,
      title: 'Many hold little, few hold much',
      description: 'For each bracket of the table beside: what share of the holders is in it, and what share of the supply they hold. If all held the same, one bracket would have both in full.',
    },
    rows(ask.BRACKET_BARS),
    'Coins held',
    {
      unit: UNIT.share,
      decimals: 1,
      min: 0,
      overrides: [
        override('Share of holders', { color: fixed(COLOUR.holders) }),
        override('Share of supply', { color: fixed(COLOUR.coins) }),
      ],
    },
  )],
  [0, 11, 10, 12, curves(
    {
      id: PANEL.lorenz,
      title: 'Lorenz curve',
      description: 'What share of all that is held (up) the poorest share of the holders (across) holds together. If all held the same, it would be the straight line. The area between the two is half of the Gini coefficient. 101 points, one for each hundredth of the holders. (M. O. Lorenz, *Methods of measuring the concentration of wealth*, 1905.)',
      links: [toPanel(UID, 'Gini coefficient over time', PANEL.gini)],
    },
    rows(ask.LORENZ),
    'Holders',
    {
      unit: UNIT.share,
      decimals: 0,
      min: 0,
      max: 1,
      label: 'share of what is held',
      overrides: [
        override('Holders', { 'custom.axisLabel': 'poorest share of holders' }),
        override('If all held the same', {
          color: fixed(COLOUR.neutral),
          'custom.lineStyle': { fill: 'dash', dash: [8, 6] },
          'custom.lineWidth': 1,
          'custom.fillBelowTo': 'Share held',
          'custom.fillOpacity': 12,
        }),
        override('Share held', { color: fixed(COLOUR.gini), decimals: 2 }),
      ],
    },
  )],
  [10, 11, 14, 5, table(
    {
      id: 24,
      title: 'Address against entity',
      description: 'The same measures with one holder an address, and with one holder an entity: all addresses that are known to be one person\'s or company\'s. A single row means that the other basis has not been computed for this asset (`assay analyze holdings --entities FILE`). HHI of 10,000, Theil in nats.',
    },
    rows(ask.BASES),
    [
      override('One holder is', { 'custom.width': 110 }),
      override('Holders', COUNT),
      override('Gini', { decimals: 3 }),
      override('Theil', { decimals: 3 }),
      override('HHI', { unit: UNIT.exact, decimals: 2 }),
      override('Nakamoto', COUNT),
      override('Richest 1 %', { unit: UNIT.share, decimals: 1 }),
      override('Richest 3 %', { unit: UNIT.share, decimals: 1 }),
    ],
  )],
  [10, 16, 14, 7, lines(
    {
      id: 25,
      title: 'Gini coefficient by address and by entity',
      description: 'The Gini coefficient over time on each basis that has been computed. The distance between the two lines is what is seen by knowing which addresses belong together.',
    },
    series(ask.GINI_BY_BASIS),
    {
      unit: UNIT.plain,
      decimals: 3,
      custom: { axisSoftMax: 1, fillOpacity: 0 },
      overrides: [
        override('by address', { color: fixed(COLOUR.gini) }),
        override('by entity', { color: fixed(COLOUR.entity) }),
      ],
    },
  )],
];
