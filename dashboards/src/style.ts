// How figures look, in all dashboards the same: a thing has its colour wherever it is shown, and its unit.

import {
  FieldColorModeId,
  MappingType,
  SpecialValueMatch,
  ThresholdsMode,
  type FieldColor,
  type ThresholdsConfig,
  type ValueMapping,
} from '@grafana/schema';

/** What a colour stands for. */
export const COLOUR = {
  gini: 'blue',
  theil: 'purple',
  hhi: 'orange',
  nakamoto: 'green',
  holders: 'semi-dark-blue',
  richest: 'red',
  entity: 'orange',
  coins: 'semi-dark-orange',
  neutral: 'text',
  fine: 'green',
  warning: 'orange',
} as const;

/** From the darkest for the fewest and richest to the lightest: for shares that include each other. */
export const RICHEST_FIRST = ['dark-red', 'red', 'orange', 'light-orange'];

/** Viridis from the poorest bracket up, and plasma back down for what only tokens have: the order is seen without a legend, also by
 *  the colour-blind. */
export const POOREST_FIRST = [
  '#440154', '#482475', '#414487', '#355f8d', '#2a788e', '#21918c', '#22a884', '#44bf70', '#7ad151', '#bddf26',
  '#fde725', '#fdc328', '#f89441', '#e76f5a', '#d14e72', '#b12a90', '#8f0da4', '#6a00a8', '#41049d', '#0d0887',
];

/** Units by their names in Grafana. */
export const UNIT = {
  /** 0.123 as 12.3 %. */
  share: 'percentunit',
  /** All digits, in groups of three. */
  exact: 'locale',
  /** 12.3 K. */
  rounded: 'short',
  plain: 'none',
} as const;

/** One colour whatever the value. */
export function fixed(colour: string): FieldColor {
  return { mode: FieldColorModeId.Fixed, fixedColor: colour };
}

/** Colours of Grafana's palette, one a series. */
export const PALETTE: FieldColor = { mode: FieldColorModeId.PaletteClassic };

/** No value is better than another. */
export const NO_THRESHOLDS: ThresholdsConfig = {
  mode: ThresholdsMode.Absolute,
  steps: [{ color: COLOUR.neutral, value: null }],
};

/** What stands where a value is not defined. */
export const NULL_AS_DASH: ValueMapping = {
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.Null, result: { text: '–' } },
};

/** What stands where there is no row at all. */
export const NOTHING = 'not computed yet: assay analyze';
