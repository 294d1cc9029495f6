// The options and fields of panels, which the dashboard's own type leaves open, against JSON Schemas that are
// generated from the types of each plugin.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** By file and name of the type: they take seconds to make. */
const VALIDATORS = new Map();

/** What is wrong with the options, the fields and the overrides of each panel. */
export function hasSchemas(packages, dashboard) {
  const standard = validator(packages, 'raw/dashboard/x/types.gen.d.ts', 'FieldConfig');
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  return panels
    .filter((panel) => panel.type !== 'row')
    .flatMap((panel) => ofPanel(packages, standard, panel).map((mistake) => `panel ${panel.id}: ${mistake}`));
}

function ofPanel(packages, standard, panel) {
  const plugin = panel.type.replaceAll('-', '').toLowerCase();
  const known = readdirSync(join(packages.schema, 'dist/types/raw/composable'));
  if (!known.includes(plugin)) return [`no type of panel is called ${panel.type}`];
  const path = `raw/composable/${plugin}/panelcfg/x/types.gen.d.ts`;
  const options = validator(packages, path, 'Options');
  const custom = validator(packages, path, 'FieldConfig');
  const { custom: own = {}, ...common } = panel.fieldConfig.defaults;
  const wrong = [
    ...options(panel.options, 'options'),
    ...standard(common, 'fieldConfig.defaults'),
    ...custom(own, 'fieldConfig.defaults.custom'),
  ];
  for (const { matcher, properties } of panel.fieldConfig.overrides) {
    for (const { id, value } of properties) {
      const place = `override of ${matcher.options}`;
      if (id.startsWith('custom.')) wrong.push(...custom({ [id.slice('custom.'.length)]: value }, place));
      else wrong.push(...standard({ [id]: value }, place));
    }
  }
  return wrong;
}

/** Says what is wrong with a value of the type `name` in the file `path` of the package. */
function validator(packages, path, name) {
  const key = `${path}#${name}`;
  if (!VALIDATORS.has(key)) VALIDATORS.set(key, newValidator(packages, path, name));
  return VALIDATORS.get(key);
}

function newValidator({ generator, schema, Ajv }, path, name) {
  const config = { path: join(schema, 'dist/types', path), skipTypeCheck: true, additionalProperties: false };
  let text;
  try {
    text = generator.createGenerator({ ...config, type: name }).createSchema(name);
  } catch (error) {
    // A plugin without fields of its own, such as that for text, declares none.
    if (name !== 'FieldConfig' || !String(error).includes('No root type')) throw error;
    text = { type: 'object', additionalProperties: false };
  }
  // Grafana fills in what is left out.
  const validate = new Ajv({ allErrors: false, strict: false }).compile(withoutRequired(text));
  return (value, place) => {
    if (validate(value)) return [];
    return validate.errors.map(({ instancePath, message, params }) => {
      const more = params.additionalProperty ?? params.allowedValues?.join(', ') ?? '';
      return `${place}${instancePath.replaceAll('/', '.')} ${message} ${more}`.trim();
    });
  };
}

/** The schema without what it requires; what tells the parts of a union apart is required still. */
function withoutRequired(schema) {
  if (Array.isArray(schema)) return schema.map(withoutRequired);
  if (schema === null || typeof schema !== 'object') return schema;
  const kept = Object.entries(schema).filter(([key]) => key !== 'required');
  const copy = Object.fromEntries(kept.map(([key, value]) => [key, withoutRequired(value)]));
  if (schema.properties?.type?.const !== undefined) copy.required = ['type'];
  return copy;
}
