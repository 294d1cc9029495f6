// Makes dashboards from their TypeScript source.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A dashboard as it is committed. */
export function textOf(dashboard) {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

/** The dashboards that the source in `folder` makes, and what the compiler says of it. */
export async function build(packages, folder) {
  const { typescript: ts } = packages;
  // Beside the packages, so that imports find them as they always do.
  const copy = mkdtempSync(join(packages.tools, 'dashboards-'));
  try {
    cpSync(folder, copy, { recursive: true });
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
    const options = {
      strict: true,
      noUnusedLocals: true,
      noUnusedParameters: true,
      skipLibCheck: true,
      types: [],
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    };
    const program = ts.createProgram([join(copy, 'index.ts')], options);
    program.emit();
    const mistakes = diagnostics(ts, program, copy);
    if (mistakes.length > 0) return { mistakes, dashboards: {} };
    const { dashboards } = await import(pathToFileURL(join(copy, 'index.js')).href);
    return { mistakes, dashboards };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** What the compiler says of a program, one line each, with paths below `folder`. */
export function diagnostics(ts, program, folder) {
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    if (diagnostic.file === undefined) return text;
    const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
    return `${diagnostic.file.fileName.replace(`${folder}/`, '')}:${line + 1}: ${text}`;
  });
}
