// How it came to be: energy, hash rate, machines, revenue and emissions over time.

import { series, toPanel, type Placed } from '../grafana.js';
import { lines, LOGARITHMIC, override } from '../panels.js';
import { COLOUR, fixed, UNIT } from '../style.js';
import * as ask from './queries.js';
import { PANEL, UID } from './uid.js';

const BOUNDS = [
  override('At least', { color: fixed(COLOUR.bound), 'custom.fillOpacity': 0, 'custom.lineWidth': 1 }),
  override('At most', { color: fixed(COLOUR.bound), 'custom.fillBelowTo': 'At least', 'custom.fillOpacity': 12, 'custom.lineWidth': 1 }),
];

const BEST_GUESS = override('Best guess', { color: fixed(COLOUR.bestGuess), 'custom.fillOpacity': 0 });

export const overTime: Placed[] = [
  [0, 0, 24, 10, lines(
    {
      id: PANEL.annual,
      title: 'Electricity, of a year at the power of the day',
      description: 'What the chain would take in a year if its power stayed what it was on that day: at least, best guess, at most. 90 % of the guesses that uncertain parameters (price of electricity, PUE) lead to are between the dashed lines, which may leave the band: where electricity is so dear that no machine pays for it, a guess stays what it was. After Cambridge (CBECI, CBNSI).',
      links: [toPanel(UID, 'By all methods', PANEL.methods)],
    },
    series(
      ask.overTime(
        `${ask.bounds('annual_twh', ask.energy)},
  ${ask.power('power_gw_low_90')} * 8766 as "5 % of guesses are below", ${ask.power('power_gw_high_90')} * 8766 as "5 % of guesses are above"`,
      ),
    ),
    {
      unit: UNIT.energy,
      min: 0,
      overrides: [
        BEST_GUESS,
        ...BOUNDS,
        ...['5 % of guesses are below', '5 % of guesses are above'].map((name) =>
          override(name, {
            color: fixed(COLOUR.neutral),
            'custom.fillOpacity': 0,
            'custom.lineStyle': { fill: 'dash', dash: [6, 6] },
            'custom.lineWidth': 1,
          }),
        ),
      ],
    },
  )],
  [0, 10, 12, 8, lines(
    {
      id: PANEL.methods,
      title: 'By all methods',
      description: 'The best guess of each method, of a year at the power of the day. That they differ is a measure of what nobody knows: one counts machines, the other what miners can spend.',
      links: [toPanel(UID, 'The chosen method with its bounds', PANEL.annual)],
    },
    series(ask.METHODS_OVER_TIME),
    { unit: UNIT.energy, min: 0, custom: { fillOpacity: 0 } },
  )],
  [12, 10, 12, 8, lines(
    {
      id: PANEL.scenario,
      title: 'If electricity had cost ${price:text}',
      description: 'The best guess of a year at the power of the day as it is estimated, and as it would be had electricity cost what is chosen at the top (Cambridge takes 5 ct/kWh). The dearer electricity, the fewer machines pay for it; there are gaps where none would. The SQL function `energy` answers the same with any parameter: `energy(price_usd_per_kwh => 0.07, pue => 1.2)`.',
      links: [toPanel(UID, 'All parameters', PANEL.parameters)],
    },
    series(ask.SCENARIO),
    {
      unit: UNIT.energy,
      min: 0,
      custom: { fillOpacity: 0 },
      overrides: [
        override('As estimated', { color: fixed(COLOUR.bestGuess) }),
        override('At the chosen price', { color: fixed(COLOUR.neutral) }),
      ],
    },
  )],
  [0, 18, 12, 9, lines(
    {
      id: PANEL.hashRate,
      title: 'Hash rate',
      description: 'Hashes a second on the mean of the day: the difficulties of its blocks, times the hashes that difficulty 1 takes on average, over a day. A gap where nothing is hashed. Each step of the axis is ten times the one below.',
      links: [toPanel(UID, 'Efficiency', PANEL.efficiency)],
    },
    series(ask.overTime('nullif(hash_rate_ths, 0) * 1e12 as "Hash rate"')),
    { unit: UNIT.hashRate, custom: LOGARITHMIC, overrides: [override('Hash rate', { color: fixed(COLOUR.bestGuess) })] },
  )],
  [12, 18, 12, 9, lines(
    {
      id: PANEL.efficiency,
      title: 'Efficiency of machines that pay for their electricity',
      description: 'Joules a gigahash of the most efficient, the mean and the least efficient machine in play, and the threshold above which a machine does not pay for its electricity. Where the threshold falls, old machines are switched off. Each step of the axis is ten times the one below.',
      links: [toPanel(UID, 'Revenue', PANEL.revenue)],
    },
    series(
      ask.overTime(`${ask.bounds('efficiency_j_per_gh', (column) => column)}, threshold_j_per_gh as "Threshold"`),
    ),
    {
      unit: UNIT.efficiency,
      custom: LOGARITHMIC,
      overrides: [BEST_GUESS, ...BOUNDS, override('Threshold', { color: fixed(COLOUR.neutral), 'custom.lineWidth': 1 })],
    },
  )],
  [0, 27, 12, 8, lines(
    {
      id: PANEL.revenue,
      title: 'Revenue of miners',
      description: 'New coins and fees of the day, in US dollars at the price of the day, or the last one that is known. Fees are missing where they are not known: see the table of origins. Each step of the axis is ten times the one below.',
      links: [toPanel(UID, 'Efficiency', PANEL.efficiency)],
    },
    series(ask.overTime('nullif(revenue * price_usd, 0) as "Revenue"')),
    { unit: UNIT.dollars, custom: LOGARITHMIC, overrides: [override('Revenue', { color: fixed(COLOUR.coins) })] },
  )],
  [12, 27, 12, 8, lines(
    {
      id: 39,
      title: 'Machines in play',
      description: 'How many models are released, not too old, and pay for their electricity on each day. Models, not machines: nobody knows how many of each run.',
      links: [toPanel(UID, 'Their efficiency', PANEL.efficiency)],
    },
    series(ask.overTime('machines as "Models"')),
    { unit: UNIT.rounded, decimals: 0, min: 0, overrides: [override('Models', { color: fixed(COLOUR.bestGuess) })] },
  )],
  [0, 35, 12, 8, lines(
    {
      id: 36,
      title: 'All electricity until then',
      description: 'Electricity of all days up to each day, added up: at least, best guess, at most.',
      links: [toPanel(UID, 'Electricity of a year', PANEL.annual)],
    },
    series(ask.overTime(ask.bounds('total_twh', ask.energy))),
    { unit: UNIT.energy, min: 0, overrides: [BEST_GUESS, ...BOUNDS] },
  )],
  [12, 35, 12, 8, lines(
    {
      id: PANEL.emissions,
      title: 'Emissions, of a year at the power of the day',
      description: 'What the electricity of a year would emit at the power of that day, in tonnes of CO2 equivalents. Bounds are those of the electricity; that of what a kWh emits are not known.',
      links: [toPanel(UID, 'What a kWh emits', 38)],
    },
    series(ask.EMISSIONS_OVER_TIME),
    { unit: UNIT.emissions, min: 0, overrides: [BEST_GUESS, ...BOUNDS] },
  )],
  [0, 43, 24, 7, lines(
    {
      id: 38,
      title: 'What a kWh emits',
      description: 'Grams of CO2 equivalents a kWh, mean of the countries by their share of mining: of the last month that is known, before that of the first. Countries that are not known count as the world.',
      links: [toPanel(UID, 'Emissions', PANEL.emissions)],
    },
    series(ask.GRID_OVER_TIME),
    { unit: UNIT.intensity, decimals: 0, custom: { axisSoftMin: 0 }, overrides: [override('Emissions of a kWh', { color: fixed(COLOUR.emissions) })] },
  )],
];
