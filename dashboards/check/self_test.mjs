// Copies of a dashboard with one mistake each: every one is to be found.

import { mistakes } from './checks.mjs';

const panelOf = (dashboard, type) => dashboard.panels.find((panel) => panel.type === type);

const BROKEN = {
  'a field that no dashboard has': (d) => { d.schemeVersion = 42; },
  'a number for a text': (d) => { d.title = 42; },
  'a mode of colour that there is not': (d) => { panelOf(d, 'stat').fieldConfig.defaults.color.mode = 'rainbow'; },
  'a misspelt field of a panel': (d) => { panelOf(d, 'stat').discription = 'x'; },
  'an option that its panel does not have': (d) => { panelOf(d, 'stat').options.colourMode = 'value'; },
  'an option with a value that it does not take': (d) => { panelOf(d, 'barchart').options.orientation = 'sideways'; },
  'an option deep inside': (d) => { panelOf(d, 'timeseries').options.legend.placment = 'right'; },
  'a field setting of another panel': (d) => { panelOf(d, 'table').fieldConfig.defaults.custom.lineWidth = 2; },
  'a wrong value of a field setting': (d) => { panelOf(d, 'timeseries').fieldConfig.defaults.custom.lineWidth = 'thick'; },
  'an override of what there is not': (d) => { panelOf(d, 'table').fieldConfig.overrides[0].properties[0].id = 'custom.widht'; },
  'an override of a column that is not asked for': (d) => { panelOf(d, 'table').fieldConfig.overrides[0].matcher.options = 'Nothing'; },
  'a type of panel that there is not': (d) => { panelOf(d, 'stat').type = 'statt'; },
  'a panel without a description': (d) => { delete panelOf(d, 'stat').description; },
  'a panel that asks a certain data source': (d) => { panelOf(d, 'stat').datasource.uid = 'mine'; },
  'a link to nowhere': (d) => { d.panels.find((panel) => panel.links).links[0].url = '/d/x?viewPanel=999'; },
  'two panels in one place': (d) => { panelOf(d, 'stat').gridPos.x += 1; },
  'empty space': (d) => { panelOf(d, 'stat').gridPos.w -= 1; },
};

/** The mistakes that are not found. */
export function selfTest(packages, text) {
  const missed = Object.entries(BROKEN).filter(([, breakIt]) => {
    const copy = JSON.parse(text);
    breakIt(copy);
    return mistakes(packages, JSON.stringify(copy)).length === 0;
  });
  return missed.map(([name]) => `self-test: ${name} is not found`);
}
