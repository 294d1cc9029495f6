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
  bestGuess: 'orange',
  bound: 'semi-dark-blue',
  emissions: 'semi-dark-red',
  country: 'semi-dark-blue',
  neutral: 'text',
  fine: 'green',
  warning: 'orange',
} as const;

/** From the darkest for the fewest and richest to the lightest: for shares that include each other. */
export const RICHEST_FIRST = ['dark-red', 'red', 'orange', 'light-orange'];

/** From the poorest bracket up, from violet over green and yellow to red, and on for what only tokens have. None is so
 *  dark or so light that it is lost on a page of either theme. */
export const POOREST_FIRST = [
  '#5b4b9a', '#4a66ac', '#3b82b4', '#2f9db3', '#2fb39f', '#55c481', '#8ecf60', '#c6d24a', '#f0c43c', '#f5a23a',
  '#ef7d3f', '#e15a4f', '#cc3f66', '#ae3380', '#8d3494', '#6f3aa0', '#8f5fb5', '#a683c4', '#bda6d3', '#d3c9e2',
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
  /** 12300000000000 as 12.3 TWh. */
  energy: 'watth',
  power: 'watt',
  /** 12300000 as 12.3 MtCO2e. */
  emissions: 'si:tCO2e',
  intensity: 'suffix: g',
  efficiency: 'suffix: J/GH',
  /** 110000000000000000000 as 110 EH/s. */
  hashRate: 'Hs',
  dollars: 'currencyUSD',
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
