import { expect, it } from "vitest";
import { groupFailures } from "./failures";

const location = { namespace: "local", name: "shop" };
const run = (runId: string, status: string, message = "", jobName = "load") => ({
  runId,
  jobName,
  location,
  status,
  reason: "StepsFailed",
  message,
  creationTime: "2026-11-21T00:00:00Z",
});

it("folds failures of one cause into one line", () => {
  const groups = groupFailures([
    run("c", "FAILURE", "row 12 is bad"),
    run("b", "FAILURE", "row 7 is bad"),
    run("a", "FAILURE", "no disk"),
  ]);
  expect(groups.map((group) => [group.last.runId, group.count])).toEqual([
    ["c", 2],
    ["a", 1],
  ]);
});

it("does not alarm about what a later success repaired", () => {
  expect(
    groupFailures([run("b", "SUCCESS"), run("a", "FAILURE", "x"), run("z", "FAILURE", "x", "other")]).map(
      (g) => g.last.runId,
    ),
  ).toEqual(["z"]);
});
