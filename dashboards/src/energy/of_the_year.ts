// The figures of the chosen year, and what they compare to.

import { rows, toPanel, type Placed } from '../grafana.js';
import { bars, COUNT, figure, override, table, words } from '../panels.js';
import { COLOUR, fixed, UNIT } from '../style.js';
import * as ask from './queries.js';
import { PANEL, UID } from './uid.js';

const EXPLANATION = `
**How much electricity \${chain:text} takes**, and what that emits, in the chosen year (*Last* may not be over: see *Days*).

**It is an estimate, not a measurement.** Nobody knows which machines run. The hash rate follows from the chain itself; which machines pay for their electricity follows from their efficiency and the price of a coin. **At least**: all use the most efficient of these. **At most**: the least efficient. The **best guess** is their mean, newer machines counting for more.

By **revenue_share** there is one figure: what miners can buy. Under **proof of stake** (Ethereum since September 2022) nothing is hashed, and the figure is nodes times the power of a computer.

**Cite it with its bounds**, method and year. A different price of electricity gives different figures: try \`energy(price_usd_per_kwh => 0.07)\` in SQL.

Definitions and sources: the **i** in the corner of each panel.
`.trim();

export const head: Placed[] = [
  [0, 0, 12, 8, words(
    { id: 1, title: 'What this shows', description: 'What the figures of this dashboard mean, and what they do not.' },
    EXPLANATION,
  )],
  [12, 0, 4, 4, figure(
    { id: 2, title: 'Year', description: 'The year that all figures without a time axis are of: the chosen one, or the last one before it that has an estimate.' },
    rows(ask.ofYear('cast(year as varchar) as "Year"')),
    { unit: UNIT.plain, colour: COLOUR.neutral },
  )],
  [16, 0, 4, 4, figure(
    { id: 3, title: 'Days', description: 'How many days of the year have an estimate. Energy and emissions are of these days, and no others are made up for.' },
    rows(ask.ofYear('days as "Days"')),
    { ...COUNT, colour: COLOUR.neutral },
  )],
  [20, 0, 4, 4, figure(
    { id: 4, title: 'Last day', description: 'The last day of the year that has an estimate, UTC.' },
    rows(ask.ofDays('cast(cast(max(day) as date) as varchar) as "Day"')),
    { unit: UNIT.plain, colour: COLOUR.neutral },
  )],
  [12, 4, 4, 4, figure(
    { id: 5, title: 'Method', description: 'Name and version of the method: it changes whenever a figure could. Cite it with the year.' },
    rows(ask.ofYear('method as "Method"')),
    { unit: UNIT.plain, colour: COLOUR.neutral },
  )],
  [16, 4, 4, 4, figure(
    { id: 6, title: 'Carried days', description: 'Days of the year on which something is what it was on the day before: because no machine paid for its electricity, or because the day has no hash rate or revenue of its own.' },
    rows(ask.ofDays(`count(*) filter (where is_carried or hash_rate_from = 'carried' or revenue_from = 'carried') as "Carried"`)),
    { ...COUNT, colour: COLOUR.neutral },
  )],
  [20, 4, 4, 4, figure(
    { id: 7, title: 'State of reference tables', description: 'What tells the machines, prices and parameters on which the figures rest from others: whoever sees the same here, over the same chain, sees the same figures.' },
    rows(ask.ofDays('max(reference) as "State"')),
    { unit: UNIT.plain, colour: COLOUR.neutral },
  )],
];

/** The figures that are quoted most. */
export const figures: Placed[] = [
  [0, 8, 4, 4, figure(
    { id: 11, title: 'Electricity, best guess', description: 'Electricity that the chain took on the days of the year, best guess. Cite it with its bounds, beside.', links: [toPanel(UID, 'Over time', PANEL.annual)] },
    rows(ask.ofYear(`${ask.energy('twh')} as "Best guess"`)),
    { unit: UNIT.energy, colour: COLOUR.bestGuess },
  )],
  [4, 8, 4, 4, figure(
    { id: 12, title: 'At least', description: 'By the method hardware, while something is hashed: if all machines were the most efficient that could be bought, in the best-run sites. Of nodes: if all were the thriftiest computer.', links: [toPanel(UID, 'Over time', PANEL.annual)] },
    rows(ask.ofYear(`${ask.energy('twh_lower')} as "At least"`)),
    { unit: UNIT.energy, colour: COLOUR.bound },
  )],
  [8, 8, 4, 4, figure(
    { id: 13, title: 'At most', description: 'By the method hardware, while something is hashed: if all machines were the least efficient that still pay for their electricity, in poorly run sites. Of nodes: if all were the thirstiest computer.', links: [toPanel(UID, 'Over time', PANEL.annual)] },
    rows(ask.ofYear(`${ask.energy('twh_upper')} as "At most"`)),
    { unit: UNIT.energy, colour: COLOUR.bound },
  )],
  [12, 8, 4, 4, figure(
    { id: 14, title: 'Of the electricity of ${country:text}', description: 'Best guess of the days of the year that have an estimate, which of the last year may be few, over the electricity that the country used in all of that year, or of the nearest year that is known. The UN report E/CN.16/2021/3, para. 56 (a), compares 2020 with Switzerland.', links: [toPanel(UID, 'Beside other countries', PANEL.ranking)] },
    rows(ask.ofYear('share as "Share"')),
    { unit: UNIT.share, colour: COLOUR.country },
  )],
  [16, 8, 4, 4, figure(
    { id: 15, title: 'Emissions, best guess', description: 'What that electricity emitted on the days of the year, in tonnes of CO2 equivalents: energy times what a kWh emits, mean of the countries by their share of mining; since the Merge, of what that was last.', links: [toPanel(UID, 'Over time', PANEL.emissions)] },
    rows(ask.EMITTED),
    { unit: UNIT.emissions, colour: COLOUR.emissions },
  )],
  [20, 8, 4, 4, figure(
    { id: 16, title: 'Mean power', description: 'Mean of the power that the chain drew on the days of the year, best guess. A large power station has 1 GW.', links: [toPanel(UID, 'Electricity over time', PANEL.annual)] },
    rows(ask.ofDays(`${ask.power('avg(power_gw)')} as "Power"`)),
    { unit: UNIT.power, colour: COLOUR.bestGuess },
  )],
];

/** What the year compares to. */
export const ofTheYear: Placed[] = [
  [0, 0, 12, 11, bars(
    {
      id: PANEL.ranking,
      title: 'Countries that used about as much',
      description: 'Electricity of the chain on those days of the chosen year that have an estimate, best guess, among the ten countries that used about as much in all of that year, or of the nearest year that is known, which stands in brackets.',
      links: [toPanel(UID, 'Years of the chain', PANEL.years)],
    },
    rows(ask.RANKING),
    'Who',
    {
      unit: UNIT.energy,
      min: 0,
      overrides: [
        override('Country', { color: fixed(COLOUR.country) }),
        override('Chain', { color: fixed(COLOUR.bestGuess) }),
      ],
    },
  )],
  [12, 0, 12, 11, table(
    {
      id: PANEL.years,
      title: 'Year by year',
      description: 'Electricity on the days of each year that have an estimate: best guess, at least, at most; emissions, best guess; and the best guess over what the chosen country used in that year, or in the nearest year that is known.',
      links: [toPanel(UID, 'Over time', PANEL.annual)],
    },
    rows(ask.YEARS),
    [
      override('Year', { 'custom.width': 70 }),
      override('Days', { ...COUNT, 'custom.width': 70 }),
      override('Best guess', { unit: UNIT.energy }),
      override('At least', { unit: UNIT.energy }),
      override('At most', { unit: UNIT.energy }),
      override('Emissions', { unit: UNIT.emissions }),
      override('Of the country', { unit: UNIT.share }),
    ],
  )],
];
