// What the reader chooses.

import { VariableHide, VariableRefresh, VariableSort, type VariableModel, type VariableOption } from '@grafana/schema';

import { DATASOURCE, POSTGRES } from '../grafana.js';
import { CHOICES, LAST_DAY } from './queries.js';

/** Values that a statement answers, asked for anew with every load. */
function asked(
  name: keyof typeof CHOICES,
  label: string,
  description: string,
  current: VariableOption,
  more: Partial<VariableModel> = {},
): VariableModel {
  return {
    name,
    type: 'query',
    label,
    description,
    datasource: DATASOURCE,
    query: CHOICES[name],
    refresh: VariableRefresh.onDashboardLoad,
    sort: VariableSort.disabled,
    regex: '',
    hide: VariableHide.dontHide,
    includeAll: false,
    multi: false,
    current,
    options: [],
    ...more,
  };
}

/** By name, as it is before the reader chooses. */
const METRICS = ['AdrBalNtv0.01Cnt', 'AdrBalNtv0.1Cnt', 'AdrBalNtv1Cnt'];

export const variables: VariableModel[] = [
  {
    name: 'datasource',
    type: 'datasource',
    label: 'Server',
    description: 'The assay server that is asked: any data source of the type PostgreSQL.',
    query: POSTGRES,
    refresh: VariableRefresh.onDashboardLoad,
    regex: '',
    hide: VariableHide.dontHide,
    includeAll: false,
    multi: false,
    // The first there is.
    current: { text: '', value: '' },
    options: [],
  },
  asked('asset', 'Asset', 'What is held: the coin of a chain, or a token by the address of its contract.', {
    text: 'Bitcoin (BTC)',
    value: 'bitcoin',
  }),
  asked('basis', 'One holder is', 'An address, or an entity: all addresses that are known to be one person or company.', {
    text: 'address',
    value: 'address',
  }),
  asked(
    'day',
    'Day',
    'The day at whose end figures and tables are taken, UTC: Last, or type one as 2013-05-31. Where it has not been computed, the last one before it counts.',
    { text: 'Last', value: LAST_DAY },
    { allowCustomValue: true },
  ),
  asked(
    'metric',
    'Metrics',
    'Metrics by the names of Coin Metrics that the last section shows.',
    { text: METRICS, value: METRICS },
    { multi: true, sort: VariableSort.naturalAsc },
  ),
];
