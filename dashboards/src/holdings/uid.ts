// How links name this dashboard and its panels: neither is ever given to another.

export const UID = 'assay-holdings';

export const PANEL = {
  gini: 31,
  theil: 32,
  hhi: 33,
  nakamoto: 34,
  richestByNumber: 35,
  richestByShare: 36,
  holdersByBracket: 37,
  supplyByBracket: 38,
  brackets: 21,
  lorenz: 23,
  metrics: 41,
} as const;
