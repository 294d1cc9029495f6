// What a dashboard is made of: Grafana's own types, the query of its PostgreSQL data source (which its schema
// leaves open), and where panels stand.

import type { Dashboard, DashboardLink, FieldConfigSource, Panel, RowPanel } from '@grafana/schema';

/** Grafana's built-in data source. */
export const POSTGRES = 'grafana-postgresql-datasource';

/** The data source that the reader has chosen. */
export const DATASOURCE = { type: POSTGRES, uid: '${datasource}' };

/** Panels stand on a grid that is this wide. */
const GRID_COLUMNS = 24;

/** A query of the PostgreSQL data source. */
export type Query = {
  refId: string;
  datasource: typeof DATASOURCE;
  editorMode: 'code';
  format: 'table' | 'time_series';
  rawQuery: true;
  rawSql: string;
};

/** Rows as they are, in any columns. */
export function rows(sql: string): Query {
  return query('table', sql);
}

/** Rows that begin with `time`, in its order; each column of numbers is a series, named by a column of text. */
export function series(sql: string): Query {
  return query('time_series', sql);
}

/** Columns of those rows of a table with a `day` that meet a condition, over the times that are shown. */
export function byDay(columns: string, table: string, condition: string): string {
  return `select day as "time", ${columns}
from ${table}
where ${condition} and $__timeFilter(day)
order by day`;
}

function query(format: Query['format'], sql: string): Query {
  return { refId: 'A', datasource: DATASOURCE, editorMode: 'code', format, rawQuery: true, rawSql: sql.trim() };
}

/** What every panel says of itself. */
export interface About {
  /** Never given to another panel: links name it. */
  id: number;
  title: string;
  /** In plain words: what is shown, how it is defined, where that comes from. */
  description: string;
  links?: DashboardLink[];
}

/** A panel whose options and fields are of the types that its plugin declares. */
export function panel<Options, Custom>(
  type: string,
  about: About,
  queries: Query[],
  options: Partial<Options>,
  fieldConfig: FieldConfigSource<Partial<Custom>>,
): Panel {
  const config = fieldConfig as unknown as FieldConfigSource;
  const shown = { ...about, type, options: options as Record<string, unknown>, fieldConfig: config };
  return queries.length > 0 ? { ...shown, datasource: DATASOURCE, targets: queries } : shown;
}

/** A link to a panel of the dashboard `uid`, shown alone, with the choices and times of the reader. */
export function toPanel(uid: string, title: string, id: number): DashboardLink {
  return {
    title,
    url: `/d/${uid}?\${__url_time_range}&\${__all_variables}&viewPanel=${id}`,
    type: 'link',
    icon: '',
    tooltip: '',
    tags: [],
    asDropdown: false,
    includeVars: false,
    keepTime: false,
    targetBlank: false,
  };
}

/** A panel and its place: columns and lines from the upper left corner of its section, width, height. */
export type Placed = [x: number, y: number, w: number, h: number, panel: Panel];

/** Panels below a heading of their own; the first section of a dashboard may do without. */
export interface Section {
  heading?: { id: number; title: string };
  panels: Placed[];
}

/** The sections one below the other. */
export function stacked(sections: Section[]): Array<Panel | RowPanel> {
  const all: Array<Panel | RowPanel> = [];
  let y = 0;
  for (const { heading, panels } of sections) {
    if (heading !== undefined) {
      const gridPos = { x: 0, y, w: GRID_COLUMNS, h: 1 };
      all.push({ id: heading.id, type: 'row', title: heading.title, collapsed: false, gridPos, panels: [] });
      y += 1;
    }
    for (const [left, top, w, h, placed] of panels) {
      all.push({ ...placed, gridPos: { x: left, y: y + top, w, h } });
    }
    y += Math.max(...panels.map(([, top, , h]) => top + h));
  }
  return all;
}

/** What all dashboards have in common. */
export function dashboard(own: Pick<Dashboard, 'uid' | 'title' | 'description' | 'panels' | 'templating'> & {
  tags: string[];
  annotations: NonNullable<Dashboard['annotations']>['list'];
}): Dashboard {
  const { annotations, tags, ...rest } = own;
  return {
    ...rest,
    tags: ['assay', ...tags],
    schemaVersion: 42,
    version: 1,
    id: null,
    editable: true,
    graphTooltip: 1,
    fiscalYearStartMonth: 0,
    liveNow: false,
    preload: false,
    refresh: '',
    // The first block of Bitcoin: all there is to show.
    time: { from: '2009-01-03T00:00:00.000Z', to: 'now' },
    // Days are UTC days, wherever the reader is.
    timezone: 'utc',
    weekStart: 'monday',
    timepicker: {
      quick_ranges: [
        { display: 'Whole history', from: '2009-01-03T00:00:00.000Z', to: 'now' },
        { display: 'Last 10 years', from: 'now-10y', to: 'now' },
        { display: 'Last 5 years', from: 'now-5y', to: 'now' },
        { display: 'Last 2 years', from: 'now-2y', to: 'now' },
        { display: 'Last year', from: 'now-1y', to: 'now' },
        { display: 'Last 90 days', from: 'now-90d', to: 'now' },
      ],
      refresh_intervals: ['15m', '1h', '6h', '1d'],
    },
    links: [
      {
        title: 'All dashboards of assay',
        type: 'dashboards',
        tags: ['assay'],
        asDropdown: true,
        includeVars: false,
        keepTime: true,
        targetBlank: false,
        icon: 'external link',
        tooltip: '',
        url: '',
      },
    ],
    annotations: {
      list: [
        {
          builtIn: 1,
          datasource: { type: 'grafana', uid: '-- Grafana --' },
          enable: true,
          hide: true,
          iconColor: 'rgba(0, 211, 255, 1)',
          name: 'Annotations & Alerts',
          type: 'dashboard',
        },
        ...(annotations ?? []),
      ],
    },
  };
}
