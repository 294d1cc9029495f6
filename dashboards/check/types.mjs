// A dashboard against the types that Grafana declares, by the compiler itself.

import { join } from 'node:path';

import { diagnostics } from './source.mjs';

/** JSON has the values of enums as plain text and numbers: the same types with these in place of enums. */
const PLAIN = `
type Plain<T> = unknown extends T ? T
  : T extends string ? \`\${T}\`
  : T extends number ? (\`\${T}\` extends \`\${infer N extends number}\` ? N : number)
  : T extends boolean | null | undefined ? T
  : { [K in keyof T]: Plain<T[K]> };
// What a data source is asked is its own matter; for annotations Grafana's type does not say so.
type Asking = Omit<Dashboard, 'annotations'> & {
  annotations?: { list?: AnnotationQuery<DataQuery & Record<string, unknown>>[] };
};
`;

/** What the compiler says if the dashboard is written into a constant of its type. */
export function hasTypes({ typescript: ts, tools }, dashboard) {
  const name = join(tools, 'a_dashboard.ts');
  const text = `import type { AnnotationQuery, Dashboard, DataQuery } from '@grafana/schema';
${PLAIN}
export const dashboard: Plain<Asking> = ${JSON.stringify(dashboard, null, 1)};
`;
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (path, ...rest) =>
    path === name ? ts.createSourceFile(path, text, rest[0]) : getSourceFile.call(host, path, ...rest);
  host.fileExists = (path) => path === name || fileExists.call(host, path);
  host.readFile = (path) => (path === name ? text : readFile.call(host, path));
  return diagnostics(ts, ts.createProgram([name], options, host), tools);
}
