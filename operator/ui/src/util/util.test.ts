import { describe, expect, it } from "vitest";
import { plainText } from "./ansi";
import { parseFilter, span, withTerm } from "./filterText";
import { count, duration, fullMoment, moment, size } from "./format";
import { locationId, parseLocationId } from "./locations";

describe("durations", () => {
  it.each([
    [84, "84 ms"],
    [4200, "4.2 s"],
    [41_000, "41 s"],
    [252_000, "4m 12s"],
    [59_600, "1m 00s"],
    [7_500_000, "2h 05m"],
    [273_600_000, "3d 4h"],
    [9_960, "10 s"],
    [3_599_700, "1h 00m"],
    [86_399_000, "1d 0h"],
    [-5, "0 ms"],
  ])("%d is %s", (milliseconds, text) => expect(duration(milliseconds)).toBe(text));
});

it("writes numbers and sizes", () => {
  expect(count(10377)).toBe("10,377");
  expect([0, 999, 42_000, 1_900_000_000].map(size)).toEqual(["0 B", "999 B", "42 kB", "1.9 GB"]);
});

describe("moments", () => {
  const now = new Date("2026-11-21T12:00:00Z");
  it("are short today, longer before", () => {
    expect(moment(new Date("2026-11-21T09:41:07Z"), now, "UTC")).toBe("09:41:07");
    expect(moment(new Date("2026-11-20T09:41:07Z"), now, "UTC")).toBe("Nov 20 09:41");
    expect(moment(new Date("2025-11-20T09:41:07Z"), now, "UTC")).toBe("2025-11-20 09:41");
  });
  it("are of the zone, across the date line", () => {
    expect(moment(new Date("2026-11-21T11:30:00Z"), now, "Pacific/Apia")).toBe("00:30:00");
  });
  it("carry their offset where an hour is repeated", () => {
    const first = fullMoment(new Date("2026-10-25T00:30:00Z"), now, "Europe/Berlin");
    const second = fullMoment(new Date("2026-10-25T01:30:00Z"), now, "Europe/Berlin");
    expect(first).toContain("02:30:00.000 GMT+02:00");
    expect(second).toContain("02:30:00.000 GMT+01:00");
  });
});

describe("the text of a filter", () => {
  it("keeps quoted values and loose words", () => {
    expect(parseFilter('job:"a b" tag:x=y loose')).toEqual({
      terms: [
        { field: "job", value: "a b" },
        { field: "tag", value: "x=y" },
      ],
      words: ["loose"],
    });
  });
  it("replaces one term and keeps the others", () => {
    expect(withTerm("status:failure job:a", "status", "success")).toBe("job:a status:success");
    expect(withTerm("status:failure job:a", "status", null)).toBe("job:a");
  });
  it("knows spans", () =>
    expect([span("30m"), span("24h"), span("7d"), span("x")]).toEqual([
      1_800_000,
      86_400_000,
      604_800_000,
      null,
    ]));
});

it("names locations both ways", () => {
  for (const name of [
    { namespace: "local", name: "shop" },
    { namespace: "team-a", name: "shop" },
  ]) {
    expect(parseLocationId(locationId(name))).toEqual(name);
  }
});

describe("terminal output", () => {
  it("loses colours, links and titles", () => {
    expect(plainText("\u001b[31mred\u001b[0m \u001b]8;;http://x\u0007link\u001b]8;;\u0007")).toBe("red link");
  });
  it("keeps the last state of a progress bar", () =>
    expect(plainText("10%\r50%\r100%\ndone\r\n")).toBe("100%\ndone\n"));
  it("cannot turn the reading direction", () => expect(plainText("a\u202eb")).toBe("a\ufffdb"));
});
