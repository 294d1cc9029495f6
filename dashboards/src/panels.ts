// The kinds of panels that dashboards are made of, each with the look that all of its kind have.

import {
  AxisColorMode,
  AxisPlacement,
  BarGaugeDisplayMode,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  GraphDrawStyle,
  GraphGradientMode,
  LegendDisplayMode,
  LineInterpolation,
  PercentChangeColorMode,
  ScaleDistribution,
  SortOrder,
  StackingMode,
  TableCellDisplayMode,
  TableCellHeight,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
  type FieldConfig,
  type FieldConfigSource,
  type Panel,
  type TableFieldOptions,
  type ValueMapping,
  type VizLegendOptions,
  type VizTooltipOptions,
} from '@grafana/schema';
import type * as BarChart from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as Table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import { TextMode, type Options as TextOptions } from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type * as Trend from '@grafana/schema/dist/esm/raw/composable/trend/panelcfg/x/TrendPanelCfg_types.gen';

import { panel, type About, type Query } from './grafana.js';
import { fixed, NO_THRESHOLDS, NOTHING, NULL_AS_DASH, PALETTE, UNIT } from './style.js';

type Override = FieldConfigSource['overrides'][number];

/** What is different about the field called `name`. */
export function override(name: string, properties: Record<string, unknown>): Override {
  return {
    matcher: { id: 'byName', options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
  };
}

/** How the numbers of a panel are written. */
export interface Numbers {
  unit: string;
  decimals?: number;
  min?: number;
  max?: number;
}

/** Words in Markdown. */
export function words(about: About, content: string): Panel {
  const options: TextOptions = { mode: TextMode.Markdown, content };
  return panel<TextOptions, object>('text', about, [], options, { defaults: {}, overrides: [] });
}

/** One large figure; with `isSeries` the last of a series, above its course. */
export function figure(
  about: About,
  query: Query,
  look: Numbers & { colour: string; mappings?: ValueMapping[] },
): Panel {
  const { colour, mappings, ...numbers } = look;
  const isSeries = query.format === 'time_series';
  const options: Stat.Options = {
    colorMode: BigValueColorMode.Value,
    graphMode: isSeries ? BigValueGraphMode.Area : BigValueGraphMode.None,
    justifyMode: BigValueJustifyMode.Center,
    orientation: VizOrientation.Auto,
    percentChangeColorMode: PercentChangeColorMode.Standard,
    // A day without a value shows none, not that of an earlier day.
    reduceOptions: { calcs: ['last'], fields: isSeries ? '' : '/.*/', values: false },
    showPercentChange: false,
    textMode: BigValueTextMode.Value,
    wideLayout: true,
  };
  const defaults: FieldConfig = {
    ...numbers,
    color: fixed(colour),
    mappings: [...(mappings ?? []), NULL_AS_DASH],
    noValue: NOTHING,
    thresholds: NO_THRESHOLDS,
  };
  return panel<Stat.Options, object>('stat', about, [query], options, { defaults, overrides: [] });
}

const TOOLTIP: VizTooltipOptions = { mode: TooltipDisplayMode.Multi, sort: SortOrder.None };

function legend(calcs: string[]): VizLegendOptions {
  return { calcs, displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true };
}

const LINE: TimeSeries.FieldConfig = {
  axisBorderShow: false,
  axisColorMode: AxisColorMode.Text,
  axisPlacement: AxisPlacement.Auto,
  drawStyle: GraphDrawStyle.Line,
  fillOpacity: 8,
  gradientMode: GraphGradientMode.None,
  lineInterpolation: LineInterpolation.Linear,
  lineWidth: 2,
  scaleDistribution: { type: ScaleDistribution.Linear },
  showPoints: VisibilityMode.Never,
  // A day on which nobody holds anything is a gap.
  spanNulls: false,
  stacking: { group: 'A', mode: StackingMode.None },
};

/** A link from a value, to which `${__value…}` refers. */
export interface PointLink {
  title: string;
  url: string;
  targetBlank: boolean;
}

/** Values over time. */
export function lines(
  about: About,
  query: Query,
  look: Numbers & {
    custom?: TimeSeries.FieldConfig;
    overrides?: Override[];
    /** Where a click on a point leads. */
    links?: PointLink[];
  },
): Panel {
  const { custom, overrides, links, ...numbers } = look;
  const isStacked = custom?.stacking !== undefined;
  const options: TimeSeries.Options = {
    legend: legend(isStacked ? [] : ['lastNotNull']),
    tooltip: { ...TOOLTIP, hideZeros: isStacked },
  };
  const defaults: FieldConfig<TimeSeries.FieldConfig> = {
    ...numbers,
    color: PALETTE,
    custom: { ...LINE, ...custom },
    links: links ?? [],
    noValue: NOTHING,
    thresholds: NO_THRESHOLDS,
  };
  return panel<TimeSeries.Options, TimeSeries.FieldConfig>('timeseries', about, [query], options, {
    defaults,
    overrides: overrides ?? [],
  });
}

/** For [`lines`]: on top of each other. */
export const STACKED: TimeSeries.FieldConfig = {
  fillOpacity: 75,
  lineWidth: 0,
  stacking: { group: 'A', mode: StackingMode.Normal },
};

/** For [`lines`]: each step of the axis is ten times the one below. */
export const LOGARITHMIC: TimeSeries.FieldConfig = {
  fillOpacity: 0,
  scaleDistribution: { type: ScaleDistribution.Log, log: 10 },
};

/** Curves over the numbers in the column `x`. */
export function curves(
  about: About,
  query: Query,
  x: string,
  look: Numbers & { label: string; overrides: Override[] },
): Panel {
  const { label, overrides, ...numbers } = look;
  const options: Trend.Options = { legend: legend([]), tooltip: TOOLTIP, xField: x };
  const defaults: FieldConfig<Trend.FieldConfig> = {
    ...numbers,
    color: PALETTE,
    // Of all curves: one with a label of its own would get an axis of its own.
    custom: { ...LINE, axisLabel: label, fillOpacity: 0 },
    noValue: NOTHING,
    thresholds: NO_THRESHOLDS,
  };
  return panel<Trend.Options, Trend.FieldConfig>('trend', about, [query], options, { defaults, overrides });
}

/** Bars beside each other, a group for each text in the column `x`. */
export function bars(
  about: About,
  query: Query,
  x: string,
  look: Numbers & { overrides: Override[] },
): Panel {
  const { overrides, ...numbers } = look;
  const options: BarChart.Options = {
    barRadius: 0,
    barWidth: 0.9,
    fullHighlight: false,
    groupWidth: 0.8,
    legend: legend([]),
    orientation: VizOrientation.Horizontal,
    showValue: VisibilityMode.Auto,
    stacking: StackingMode.None,
    tooltip: TOOLTIP,
    xField: x,
    xTickLabelMaxLength: 20,
    xTickLabelRotation: 0,
    xTickLabelSpacing: 0,
  };
  const defaults: FieldConfig<BarChart.FieldConfig> = {
    ...numbers,
    color: PALETTE,
    custom: { axisBorderShow: false, fillOpacity: 85, gradientMode: GraphGradientMode.None, lineWidth: 0 },
    noValue: NOTHING,
    thresholds: NO_THRESHOLDS,
  };
  return panel<BarChart.Options, BarChart.FieldConfig>('barchart', about, [query], options, { defaults, overrides });
}

/** Rows and columns. */
export function table(
  about: About,
  query: Query,
  overrides: Override[],
): Panel {
  const options: Table.Options = { cellHeight: TableCellHeight.Sm, frameIndex: 0, showHeader: true };
  const defaults: FieldConfig<TableFieldOptions> = {
    color: fixed('text'),
    custom: { align: 'auto', cellOptions: { type: TableCellDisplayMode.Auto }, inspect: false, wrapHeaderText: true },
    mappings: [NULL_AS_DASH],
    noValue: NOTHING,
    thresholds: NO_THRESHOLDS,
  };
  return panel<Table.Options, TableFieldOptions>('table', about, [query], options, { defaults, overrides });
}

/** For a column of a table: whole numbers. */
export const COUNT = { unit: UNIT.exact, decimals: 0 };

/** For a column of a table: the sum of its rows below them. */
export const SUMMED = { 'custom.footer': { reducers: ['sum'] } };

/** For a column of a table: a share with a bar of that length. */
export function shareBar(colour: string): Record<string, unknown> {
  return {
    unit: UNIT.share,
    decimals: 2,
    min: 0,
    max: 1,
    color: fixed(colour),
    'custom.cellOptions': {
      type: TableCellDisplayMode.Gauge,
      mode: BarGaugeDisplayMode.Basic,
      valueDisplayMode: BarGaugeValueMode.Text,
    },
  };
}
