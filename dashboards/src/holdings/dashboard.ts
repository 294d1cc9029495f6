// Who holds how much of an asset, on one day and from the first day on.

import { dashboard, DATASOURCE, rows, stacked } from '../grafana.js';
import { metrics, overTime } from './history.js';
import { figures, head, onTheDay } from './on_the_day.js';
import { CHOSEN_DAY } from './queries.js';
import { UID } from './uid.js';
import { variables } from './variables.js';

export const holdings = dashboard({
  uid: UID,
  title: 'Holdings: who holds how much',
  description:
    'How unequally an asset is held, by address or by entity: brackets, the Lorenz curve, Gini, Theil, HHI, the Nakamoto coefficient, shares of the richest, and the metrics of Coin Metrics, on any day and over the whole history.',
  tags: ['holdings', 'concentration'],
  templating: { list: variables },
  annotations: [
    {
      name: 'The chosen day',
      datasource: DATASOURCE,
      enable: true,
      hide: false,
      iconColor: 'purple',
      target: rows(CHOSEN_DAY),
    },
  ],
  panels: stacked([
    { panels: [...head, ...figures] },
    { heading: { id: 20, title: 'On the chosen day' }, panels: onTheDay },
    { heading: { id: 30, title: 'Over time' }, panels: overTime },
    { heading: { id: 40, title: 'By the names of Coin Metrics' }, panels: metrics },
  ]),
});
