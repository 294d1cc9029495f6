// What is checked of a dashboard, and the packages that do it.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { keepsRules } from './rules.mjs';
import { hasSchemas } from './schemas.mjs';
import { hasTypes } from './types.mjs';

/** The packages in the folder `tools`. */
export async function loadPackages(tools) {
  const require = createRequire(join(tools, 'package.json'));
  const schema = join(tools, 'node_modules/@grafana/schema');
  if (!existsSync(schema)) {
    console.error(`${schema} is not there: npm install as .ci/run does`);
    process.exit(2);
  }
  return {
    tools,
    schema,
    typescript: require('typescript'),
    generator: await import(require.resolve('ts-json-schema-generator')),
    Ajv: require('ajv').default,
  };
}

export const checks = [hasTypes, hasSchemas, keepsRules];

/** Everything that is wrong with the dashboard in `text`. */
export function mistakes(packages, text) {
  const dashboard = JSON.parse(text);
  return checks.flatMap((check) => check(packages, dashboard));
}
