// Every dashboard by the name of its file.

import type { Dashboard } from '@grafana/schema';

import { energy } from './energy/dashboard.js';
import { holdings } from './holdings/dashboard.js';

export const dashboards: Record<string, Dashboard> = {
  'energy.json': energy,
  'holdings.json': holdings,
};
