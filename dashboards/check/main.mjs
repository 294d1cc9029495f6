// Makes the dashboards from their source, and checks what is committed.
//
//     node dashboards/check/main.mjs [--tools DIR] [--write]
//
// Each dashboards/*.json is what the source in dashboards/src makes; is of the types that Grafana declares, each
// panel's options and fields, too; and keeps our own rules. Copies with one mistake each are to fail. With
// --write the files are written instead of compared. DIR holds the packages; .ci/run installs them.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { checks, loadPackages, mistakes } from './checks.mjs';
import { build, textOf } from './source.mjs';
import { selfTest } from './self_test.mjs';

const HERE = resolve(import.meta.dirname, '..');

const { values } = parseArgs({
  options: { tools: { type: 'string' }, write: { type: 'boolean', default: false } },
});
const tools = resolve(values.tools ?? join(HERE, '../target/tools'));
const packages = await loadPackages(tools);
const wrong = [];
let last = '';

const made = await build(packages, join(HERE, 'src'));
wrong.push(...made.mistakes);
for (const [name, dashboard] of Object.entries(made.dashboards)) {
  if (values.write) writeFileSync(join(HERE, name), textOf(dashboard));
}
const names = readdirSync(HERE).filter((name) => name.endsWith('.json'));
const without = Object.keys(made.dashboards).filter((name) => !names.includes(name));
wrong.push(...without.map((name) => `${name}: is not there: write it with --write`));
for (const name of names) {
  last = readFileSync(join(HERE, name), 'utf8');
  const source = made.dashboards[name];
  if (source === undefined) wrong.push(`${name}: nothing in dashboards/src makes it`);
  else if (textOf(source) !== last) wrong.push(`${name}: is not what dashboards/src makes: write it with --write`);
  wrong.push(...mistakes(packages, last).map((mistake) => `${name}: ${mistake}`));
}
if (wrong.length === 0) wrong.push(...selfTest(packages, last));

for (const mistake of wrong) console.error(mistake);
if (wrong.length === 0) console.log(`${names.length} dashboards, ${checks.length} kinds of checks: nothing wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
