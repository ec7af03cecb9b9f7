/** The parts of an OpenAPI 3.1 document that the page shows, and how they become lines. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

type Content = Record<string, { schema?: Schema }>;

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

export interface Operation {
  tags?: string[];
  summary?: string;
  description?: string;
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: { description?: string; content: Content };
  responses: Record<string, { description?: string; content?: Content; headers?: Record<string, unknown> }>;
  security?: Record<string, string[]>[];
}

export interface Description {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Entry extends Operation {
  method: string;
  path: string;
  id: string;
}

export interface Group {
  name: string;
  description: string;
  entries: Entry[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];

/** Operations by tag, in the order of the document's tags; with `filter` only those whose path or text has it. */
export function groups(description: Description, filter = ''): Group[] {
  const wanted = filter.trim().toLowerCase();
  const found = new Map<string, Group>(
    (description.tags ?? []).map(({ name, description = '' }) => [name, { name, description, entries: [] }]),
  );
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const operation = item[method]!;
      const text = `${method} ${path} ${operation.summary ?? ''}`.toLowerCase();
      if (!text.includes(wanted)) continue;
      const name = operation.tags?.[0] ?? '';
      if (!found.has(name)) found.set(name, { name, description: '', entries: [] });
      found.get(name)!.entries.push({ ...operation, method, path, id: operation.operationId ?? `${method} ${path}` });
    }
  }
  return [...found.values()].filter(({ entries }) => entries.length > 0);
}

/** The name of a schema that is defined elsewhere. */
export const refName = (schema: Schema): string | undefined => schema.$ref?.split('/').pop();

/** What a value of this schema is, in one line. */
export function kind(schema: Schema | undefined): string {
  if (!schema) return '';
  const name = refName(schema);
  if (name) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const parts = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (parts) return parts.map(kind).join(schema.allOf ? ' & ' : ' | ');
  const types = [schema.type ?? 'any'].flat();
  return types.map((type) => (type === 'array' ? `${kind(schema.items)}[]` : type)).join(' | ') + limits(schema);
}

function limits({ format, pattern, minimum, maximum, minLength, maxLength }: Schema): string {
  const said = [format, pattern];
  const range = (least: number | undefined, most: number | undefined, unit: string) =>
    least === undefined && most === undefined ? undefined : `${least ?? ''}..${most ?? ''}${unit}`;
  said.push(range(minimum, maximum, ''), range(minLength, maxLength, ' chars'));
  const all = said.filter((part) => part !== undefined);
  return all.length > 0 ? ` (${all.join(', ')})` : '';
}

export interface Line {
  name: string;
  kind: string;
  required: boolean;
  description: string;
}

/** The fields of an object; of a choice those of each, one after the other. */
export function fields(schema: Schema): Line[] {
  const own = Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    kind: kind(field),
    required: schema.required?.includes(name) ?? false,
    description: field.description ?? '',
  }));
  const parts = [...(schema.oneOf ?? []), ...(schema.allOf ?? []), ...(schema.anyOf ?? [])];
  return [...own, ...parts.flatMap(fields)];
}

/** Who may ask: the names of the tokens, any of which will do. */
export const tokens = (operation: Operation): string[] => (operation.security ?? []).flatMap(Object.keys);
