// What the reader of a dashboard chooses.

import { VariableHide, VariableRefresh, VariableSort, type VariableModel, type VariableOption } from '@grafana/schema';

import { DATASOURCE, POSTGRES } from './grafana.js';

/** The assay server that is asked: of every dashboard the first variable. */
export const SERVER: VariableModel = {
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
};

/** A variable by its name and what the reader sees of it. */
export interface Asked {
  name: string;
  label: string;
  description: string;
  /** Answers the values, `"__value"`, with what the reader reads, `"__text"`. */
  query: string;
  /** What it is before the reader chooses. */
  current: VariableOption;
}

/** Values that a statement answers, asked for anew with every load. */
export function asked(about: Asked, more: Partial<VariableModel> = {}): VariableModel {
  return {
    ...about,
    type: 'query',
    datasource: DATASOURCE,
    refresh: VariableRefresh.onDashboardLoad,
    sort: VariableSort.disabled,
    regex: '',
    hide: VariableHide.dontHide,
    includeAll: false,
    multi: false,
    options: [],
    ...more,
  };
}
