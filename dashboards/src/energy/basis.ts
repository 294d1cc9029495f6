// What the figures rest on, and the figure that misleads.

import { rows, series, toPanel, type Placed } from '../grafana.js';
import { COUNT, lines, LOGARITHMIC, override, table } from '../panels.js';
import { COLOUR, fixed, UNIT } from '../style.js';
import * as ask from './queries.js';
import { PANEL, UID } from './uid.js';

export const basis: Placed[] = [
  [0, 0, 14, 12, table(
    {
      id: PANEL.parameters,
      title: 'Parameters',
      description: 'The parameters of the chain as they are in `reference.energy_parameters` now, each with its source: the lower values are those of "at least", the upper those of "at most". An analysis that was run with others has them in the column `parameters` of `analytics.energy_daily`.',
      links: [toPanel(UID, 'What they lead to', PANEL.annual)],
    },
    rows(ask.PARAMETERS),
    [
      override('Parameter', { 'custom.width': 180 }),
      override('Lower', { 'custom.width': 80 }),
      override('Best', { 'custom.width': 80 }),
      override('Upper', { 'custom.width': 80 }),
      override('Unit', { 'custom.width': 110 }),
    ],
  )],
  [14, 0, 10, 5, table(
    {
      id: 42,
      title: 'Where hash rate and revenue are from',
      description: 'Days of the chosen year by where their figures are from: blocks of the chain; the table `reference.hash_rates`; carried from the day before; or, for revenue, new coins alone (`subsidy`), where fees are not known. Days on which no machine paid have the power of the day before.',
      links: [toPanel(UID, 'Hash rate over time', PANEL.hashRate)],
    },
    rows(ask.ORIGINS),
    [override('Days', { ...COUNT, 'custom.width': 70 }), override('No machine paid', { ...COUNT, 'custom.width': 90 })],
  )],
  [14, 5, 10, 7, lines(
    {
      id: 43,
      title: 'Energy over transactions: misleading when used alone',
      description: 'The electricity of a day over its transactions. It is not what a transaction costs: blocks are found at the same rate, empty or full, so one transaction more takes no electricity, and one payment may stand for many. Only of a chain that is indexed, and by `assay analyze network`. Each step of the axis is ten times the one below.',
      links: [toPanel(UID, 'Electricity', PANEL.annual)],
    },
    series(ask.PER_TRANSACTION),
    { unit: UNIT.energy, custom: LOGARITHMIC, overrides: [override('A transaction', { color: fixed(COLOUR.warning) })] },
  )],
];
