// What a chain burns: of one year, beside countries, from the first day on, and on what that rests.

import { dashboard, stacked } from '../grafana.js';
import { basis } from './basis.js';
import { overTime } from './history.js';
import { figures, head, ofTheYear } from './of_the_year.js';
import { UID } from './uid.js';
import { variables } from './variables.js';

export const energy = dashboard({
  uid: UID,
  title: 'Energy: what a chain burns',
  description:
    'Electricity and emissions of Bitcoin and Ethereum, estimated from the chain itself: at least, best guess and at most, beside countries, over the whole history, with all that the figures rest on.',
  tags: ['energy', 'emissions'],
  templating: { list: variables },
  annotations: [],
  panels: stacked([
    { panels: [...head, ...figures] },
    { heading: { id: 20, title: 'The chosen year' }, panels: ofTheYear },
    { heading: { id: 30, title: 'Over time' }, panels: overTime },
    { heading: { id: 40, title: 'What it rests on' }, panels: basis },
  ]),
});
