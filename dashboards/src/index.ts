// Every dashboard by the name of its file.

import type { Dashboard } from '@grafana/schema';

import { holdings } from './holdings/dashboard.js';

export const dashboards: Record<string, Dashboard> = {
  'holdings.json': holdings,
};
