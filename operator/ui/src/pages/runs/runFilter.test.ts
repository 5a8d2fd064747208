import { describe, expect, it } from "vitest";
import { runFilter } from "./runFilter";

const NOW = Date.parse("2026-11-21T12:00:00Z");

describe("the filter of runs", () => {
  it("reads every field", () => {
    const { filter, problems } = runFilter(
      "status:failure,canceled job:load location:team-a~shop tag:team=a since:24h",
      NOW,
    );
    expect(problems).toEqual([]);
    expect(filter).toEqual({
      statuses: ["FAILURE", "CANCELED"],
      jobName: "load",
      location: { namespace: "team-a", name: "shop" },
      tags: [{ key: "team", value: "a" }],
      createdAfter: "2026-11-20T12:00:00.000Z",
    });
  });

  it("says what it does not understand instead of ignoring it", () => {
    const { filter, problems } = runFilter("status:broken tag:x since:soon colour:red loose", NOW);
    expect(filter).toEqual({});
    expect(problems).toHaveLength(5);
    expect(problems.join()).toContain('no status "broken"');
  });
});
