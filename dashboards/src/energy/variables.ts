// What the reader chooses.

import type { VariableModel } from '@grafana/schema';

import { asked, SERVER } from '../variables.js';
import { CHOICES, LAST_YEAR } from './queries.js';

export const variables: VariableModel[] = [
  SERVER,
  asked({
    name: 'chain',
    label: 'Chain',
    description: 'The chain whose electricity is estimated.',
    query: CHOICES.chain,
    current: { text: 'Bitcoin', value: 'bitcoin' },
  }),
  asked({
    name: 'method',
    label: 'Method',
    description: 'How it is estimated: "hardware" counts what machines draw that pay for their electricity, "revenue_share" what miners can buy for a share of their revenue.',
    query: CHOICES.method,
    current: { text: 'hardware/1', value: 'hardware/1' },
  }),
  asked({
    name: 'year',
    label: 'Year',
    description: 'The year that figures and tables are of. Last is the last one that has an estimate, which may not be over.',
    query: CHOICES.year,
    current: { text: 'Last', value: LAST_YEAR },
  }),
  asked({
    name: 'country',
    label: 'Beside',
    description: 'The country that the chain is compared with.',
    query: CHOICES.country,
    current: { text: 'Switzerland', value: 'CHE' },
  }),
  asked(
    {
      name: 'price',
      label: 'At',
      description: 'A price of electricity: one panel shows what would have been if miners had paid that. Choose one, or type another in US dollars a kWh.',
      query: CHOICES.price,
      current: { text: '10 ct/kWh', value: '0.1' },
    },
    { allowCustomValue: true },
  ),
];
