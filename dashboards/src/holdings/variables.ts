// What the reader chooses.

import { VariableSort, type VariableModel } from '@grafana/schema';

import { asked, SERVER } from '../variables.js';
import { CHOICES, LAST_DAY } from './queries.js';

/** By name, as it is before the reader chooses. */
const METRICS = ['AdrBalNtv0.01Cnt', 'AdrBalNtv0.1Cnt', 'AdrBalNtv1Cnt'];

export const variables: VariableModel[] = [
  SERVER,
  asked({
    name: 'asset',
    label: 'Asset',
    description: 'What is held: the coin of a chain, or a token by the address of its contract.',
    query: CHOICES.asset,
    current: { text: 'Bitcoin (BTC)', value: 'bitcoin' },
  }),
  asked({
    name: 'basis',
    label: 'One holder is',
    description: 'An address, or an entity: all addresses that are known to be one person or company.',
    query: CHOICES.basis,
    current: { text: 'address', value: 'address' },
  }),
  asked(
    {
      name: 'day',
      label: 'Day',
      description: 'The day at whose end figures and tables are taken, UTC: Last, or type one as 2013-05-31. Where it has not been computed, the last one before it counts.',
      query: CHOICES.day,
      current: { text: 'Last', value: LAST_DAY },
    },
    { allowCustomValue: true },
  ),
  asked(
    {
      name: 'metric',
      label: 'Metrics',
      description: 'Metrics by the names of Coin Metrics that the last section shows.',
      query: CHOICES.metric,
      current: { text: METRICS, value: METRICS },
    },
    { multi: true, sort: VariableSort.naturalAsc },
  ),
];
