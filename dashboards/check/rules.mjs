// Our own rules: what makes a dashboard readable, and lets a test run all that it asks.

const GRID_COLUMNS = 24;
const POSTGRES = 'grafana-postgresql-datasource';
const SCHEMA_VERSION = 42;

/** Everything in the dashboard that does not keep to them. */
export function keepsRules(_packages, dashboard) {
  const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
  return [
    ...ofDashboard(dashboard),
    ...panels.flatMap((panel) => ofPanel(panel).map((mistake) => `panel ${panel.id}: ${mistake}`)),
    ...ofGrid(dashboard.panels),
  ];
}

function ofDashboard(dashboard) {
  const wrong = [];
  const say = (is, mistake) => is || wrong.push(mistake);
  say(dashboard.schemaVersion === SCHEMA_VERSION, `schemaVersion is not ${SCHEMA_VERSION}`);
  say(dashboard.uid?.startsWith('assay-'), 'uid does not begin with assay-');
  say(dashboard.tags.includes('assay'), 'lacks the tag assay');
  say(dashboard.timezone === 'utc', 'timezone is not utc');
  say(dashboard.description, 'has no description');
  const ids = dashboard.panels.map((panel) => panel.id);
  say(new Set(ids).size === ids.length, 'two panels have the same id');
  const [first, ...others] = dashboard.templating.list;
  say(first?.name === 'datasource' && first.query === POSTGRES, 'the first variable is not the data source');
  for (const variable of dashboard.templating.list) {
    say(variable.label && variable.description, `variable ${variable.name}: has no label or description`);
  }
  for (const variable of others.filter(({ type }) => type === 'query')) {
    say(variable.datasource?.uid === '${datasource}', `variable ${variable.name}: asks another data source`);
  }
  for (const link of dashboard.panels.flatMap((panel) => panel.links ?? [])) {
    const to = Number(/viewPanel=(\d+)/.exec(link.url)?.[1]);
    say(ids.includes(to), `the link "${link.title}" leads to no panel`);
  }
  return wrong;
}

function ofPanel(panel) {
  const wrong = [];
  const say = (is, mistake) => is || wrong.push(mistake);
  say(panel.title, 'has no title');
  say((panel.description ?? '').length > 40, 'has no description');
  if (panel.type === 'text') return wrong;
  say(panel.targets?.length > 0, 'asks nothing');
  say(panel.datasource?.uid === '${datasource}', 'asks another data source');
  for (const target of panel.targets ?? []) {
    say(target.datasource?.uid === '${datasource}', 'a query asks another data source');
    say(target.rawSql && target.rawQuery === true, 'a query has no SQL');
    say(['table', 'time_series'].includes(target.format), 'a query has no format');
  }
  const columns = new Set((panel.targets ?? []).flatMap(({ rawSql }) => [...rawSql.matchAll(/as "([^"]+)"/g)]).map(([, name]) => name));
  const isNamedByRows = (panel.targets ?? []).some(({ rawSql }) => rawSql.includes(' as metric') || /\bmetric,/.test(rawSql));
  for (const { matcher } of panel.fieldConfig.overrides) {
    say(isNamedByRows || columns.has(matcher.options), `an override is about ${matcher.options}, which is no column`);
  }
  const hasUnits = panel.type === 'table' || panel.fieldConfig.defaults.unit !== undefined;
  say(hasUnits, 'has no unit');
  return wrong;
}

/** Panels cover the grid from the first line to the last, none twice. */
function ofGrid(panels) {
  const taken = new Map();
  for (const { id, gridPos: { x, y, w, h } } of panels) {
    for (let line = y; line < y + h; line += 1) {
      for (let column = x; column < x + w; column += 1) {
        const place = `${line},${column}`;
        if (taken.has(place)) return [`panels ${taken.get(place)} and ${id} overlap`];
        if (column >= GRID_COLUMNS) return [`panel ${id} is beyond the grid`];
        taken.set(place, id);
      }
    }
  }
  const lines = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return taken.size === lines * GRID_COLUMNS ? [] : ['there is empty space between panels'];
}
