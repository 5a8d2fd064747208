/** What the JSON schema of a run config says about a place in the text: fields, docs, and where an error belongs. */
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";

export type Schema = {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
};
export type Field = { name: string; schema: Schema; isRequired: boolean };

const DEEPEST = 20;

function resolve(root: Schema, schema: Schema, depth = 0): Schema[] {
  if (depth > DEEPEST) return [];
  if (schema.$ref) {
    const found = schema.$ref
      .replace(/^#\//, "")
      .split("/")
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], root);
    return found ? resolve(root, found as Schema, depth + 1) : [];
  }
  const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...parts.flatMap((part) => resolve(root, part, depth + 1))];
}

/** The schemas that hold at *path*. */
export function schemasAt(root: Schema, path: (string | number)[]): Schema[] {
  return path.reduce<Schema[]>(
    (at, part) =>
      at.flatMap((schema) => {
        if (typeof part === "number") return schema.items ? resolve(root, schema.items) : [];
        const own =
          schema.properties && Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined;
        if (own) return resolve(root, own);
        return typeof schema.additionalProperties === "object"
          ? resolve(root, schema.additionalProperties)
          : [];
      }),
    resolve(root, root),
  );
}

/** The fields that may stand at *path*, each once. */
export function fieldsAt(root: Schema, path: (string | number)[]): Field[] {
  const found = new Map<string, Field>();
  for (const schema of schemasAt(root, path)) {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (!found.has(name))
        found.set(name, { name, schema: field, isRequired: schema.required?.includes(name) ?? false });
    }
  }
  return [...found.values()];
}

/** The docs of a place: type, whether it must be given, default, description. */
export function docsAt(root: Schema, path: (string | number)[]): string {
  const schemas = schemasAt(root, path);
  const types = [...new Set(schemas.flatMap((schema) => schema.type ?? []))];
  const description = schemas.find((schema) => schema.description)?.description;
  const fallback = schemas.find((schema) => schema.default !== undefined)?.default;
  const choices = schemas.find((schema) => schema.enum)?.enum;
  return [
    types.join(" or "),
    choices && `one of ${choices.map((each) => JSON.stringify(each)).join(", ")}`,
    fallback !== undefined && `default ${JSON.stringify(fallback)}`,
    description,
  ]
    .filter(Boolean)
    .join("\n");
}

export type Parsed = { value: unknown; problems: { from: number; to: number; message: string }[] };

export function parseConfig(text: string): Parsed {
  const document = parseDocument(text, { lineCounter: new LineCounter(), maxAliasCount: 100 } as never);
  const problems = document.errors.map((error) => ({
    from: error.pos[0],
    to: Math.max(error.pos[1], error.pos[0] + 1),
    message: error.message.split("\n")[0] ?? error.message,
  }));
  if (problems.length > 0) return { value: null, problems };
  const value = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    return {
      value: null,
      problems: [{ from: 0, to: text.length, message: "a run config is a mapping, as `ops: …`" }],
    };
  }
  return { value, problems };
}

/** Where in the text the error of *path* is marked: its key if it is there, else that of the nearest parent that is. */
export function rangeOf(text: string, path: string[]): { from: number; to: number } {
  let node: unknown = parseDocument(text).contents;
  let range = { from: 0, to: Math.max(1, text.indexOf("\n") < 0 ? text.length : text.indexOf("\n")) };
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item: Pair) => isScalar(item.key) && String(item.key.value) === part);
      const key = pair?.key as Node | undefined;
      if (!pair || !key?.range) break;
      range = { from: key.range[0], to: key.range[1] };
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)] as Node | undefined;
      if (!item?.range) break;
      range = { from: item.range[0], to: item.range[1] };
      node = item;
    } else break;
  }
  return range;
}

/** The path of keys that lead to the line of *position*, judged by indentation: the text may be unfinished. */
export function pathAt(text: string, position: number): { parent: string[]; own: string | null } {
  const lines = text.slice(0, position).split("\n");
  const current = lines.at(-1) ?? "";
  const rest = text.slice(position).split("\n")[0] ?? "";
  let indent = current.search(/\S/) < 0 ? current.length : current.search(/\S/);
  const parent: string[] = [];
  for (let at = lines.length - 2; at >= 0 && indent > 0; at--) {
    const found = /^(\s*)(?:- )?("[^"]*"|'[^']*'|[^\s#:][^:]*):(?:\s|$)/.exec(lines[at] ?? "");
    const own = found?.[1]?.length ?? 0;
    if (!found || own >= indent) continue;
    parent.unshift((found[2] ?? "").replace(/^["']|["']$/g, ""));
    indent = own;
  }
  const own =
    /^\s*("[^"]*"|'[^']*'|[^\s#:][^:]*):/.exec(current + rest)?.[1]?.replace(/^["']|["']$/g, "") ?? null;
  return { parent, own };
}
