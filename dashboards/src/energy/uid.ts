// How links name this dashboard and its panels: neither is ever given to another.

export const UID = 'assay-energy';

export const PANEL = {
  ranking: 21,
  years: 22,
  annual: 31,
  methods: 32,
  scenario: 45,
  hashRate: 33,
  efficiency: 34,
  revenue: 35,
  emissions: 37,
  parameters: 41,
} as const;
