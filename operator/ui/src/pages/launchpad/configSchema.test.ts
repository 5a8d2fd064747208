import { expect, it } from "vitest";
import { docsAt, fieldsAt, parseConfig, pathAt, rangeOf, type Schema } from "./configSchema";

const SCHEMA: Schema = {
  type: "object",
  properties: {
    ops: { type: "object", properties: { clean: { $ref: "#/$defs/Clean" } }, required: ["clean"] },
  },
  $defs: {
    Clean: {
      type: "object",
      properties: {
        config: {
          type: "object",
          required: ["since"],
          properties: {
            since: { type: "string", description: "first day to load" },
            max_rows: { type: "integer", default: 10000 },
          },
        },
      },
    },
  },
};
const TEXT = "ops:\n  clean:\n    config:\n      max_row: 100\n";

it("lists the fields of a place, through references", () => {
  expect(fieldsAt(SCHEMA, ["ops", "clean", "config"]).map((f) => [f.name, f.isRequired])).toEqual([
    ["since", true],
    ["max_rows", false],
  ]);
  expect(fieldsAt(SCHEMA, ["nowhere"])).toEqual([]);
});

it("tells type, default and description", () => {
  expect(docsAt(SCHEMA, ["ops", "clean", "config", "max_rows"])).toBe("integer\ndefault 10000");
  expect(docsAt(SCHEMA, ["ops", "clean", "config", "since"])).toBe("string\nfirst day to load");
});

it("marks the key of an error, or the nearest parent that is there", () => {
  const marked = (path: string[]) => {
    const { from, to } = rangeOf(TEXT, path);
    return TEXT.slice(from, to);
  };
  expect(marked(["ops", "clean", "config", "max_row"])).toBe("max_row");
  expect(marked(["ops", "clean", "config", "since"])).toBe("config");
  expect(marked([])).toBe("ops:");
});

it("knows where an unfinished line stands", () => {
  const text = "ops:\n  other:\n    config: 1\n  clean:\n    config:\n      ma";
  expect(pathAt(text, text.length).parent).toEqual(["ops", "clean", "config"]);
  expect(pathAt(TEXT, TEXT.indexOf("max_row") + 3)).toEqual({
    parent: ["ops", "clean", "config"],
    own: "max_row",
  });
});

it("says what is no YAML, and what is no mapping", () => {
  expect(parseConfig("a: [1").problems).toHaveLength(1);
  expect(parseConfig("- a").problems[0]?.message).toContain("mapping");
  expect(parseConfig("")).toEqual({ value: {}, problems: [] });
});

it("does not grow without bound on aliases", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
    .split("")
    .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${"abcdefgh"[i]}`)}]`)
    .join("\n")}`;
  expect(() => parseConfig(bomb)).toThrow(/alias/i);
});
