import { expect, it } from "vitest";
import { metadataOf, webAddress } from "./Metadata";

it("follows only addresses of the web", () => {
  for (const hostile of [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "//x",
    "x",
  ]) {
    expect(webAddress(hostile)).toBeNull();
  }
  expect(webAddress("https://example.org/a")).toBe("https://example.org/a");
});

it("reads typed and plain entries", () => {
  expect(metadataOf({ metadata: { rows: { type: "int", value: 3 }, note: "x" } })).toEqual([
    { label: "rows", kind: "int", value: 3 },
    { label: "note", kind: "", value: "x" },
  ]);
  expect(metadataOf({ metadata: null })).toEqual([]);
});
