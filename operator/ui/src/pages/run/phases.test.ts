import { expect, it } from "vitest";
import { criticalPath, phasesOf, stepPhases } from "./phases";
import type { AttemptData, RunData, StepData } from "./queries";

const at = (second: number) => new Date(second * 1000).toISOString();
const attempt = (
  seconds: (number | null)[],
  outcome: "SUCCESS" | "FAILURE" | null = "SUCCESS",
  number = 1,
): AttemptData => {
  const [ready, slot, created, running, userCode, bodyEnded, committed] = seconds.map((s) =>
    s === null ? null : at(s),
  );
  return {
    number,
    status: outcome ?? "RUNNING",
    moments: { ready, slot, created, running, userCode, bodyEnded, committed },
    outcome: outcome && {
      status: outcome,
      timestamp: at(seconds.findLast((s) => s !== null) ?? 0),
      reason: "",
      message: "",
    },
  } as AttemptData;
};
const step = (stepKey: string, upstreamKeys: string[], attempts: AttemptData[]): StepData =>
  ({ stepKey, upstreamKeys, attempts, status: "SUCCESS" }) as unknown as StepData;

it("makes a phase of each pair of neighbouring moments", () => {
  const phases = phasesOf(attempt([0, 2, 2, 5, 6, 10, 11]), 0);
  expect(phases.map((p) => [p.name, p.from / 1000, p.to / 1000])).toEqual([
    ["slot", 0, 2],
    ["pending", 2, 5],
    ["starting", 5, 6],
    ["running", 6, 10],
    ["storing", 10, 11],
  ]);
});

it("lets the phase that goes on grow until now", () => {
  const last = phasesOf(attempt([0, 1, 1, null, null, null, null], null), 9000).at(-1);
  expect(last).toMatchObject({ name: "pending", to: 9000, isOpen: true, family: "active" });
});

it("shows the wait between attempts", () => {
  const phases = stepPhases(
    step(
      "a",
      [],
      [attempt([0, 0, 0, 1, 1, 2, null], "FAILURE"), attempt([5, 5, 5, 6, 6, 7, 7], "SUCCESS", 2)],
    ),
    0,
  );
  expect(phases.filter((p) => p.name === "retry").map((p) => [p.from / 1000, p.to / 1000])).toEqual([[2, 5]]);
});

it("walks back from the step that ended last", () => {
  const run = {
    creationTime: at(0),
    dequeueTime: at(1),
    endTime: at(20),
    steps: [
      step("quick", [], [attempt([1, 1, 1, 1, 1, 2, 2])]),
      step("slow", [], [attempt([1, 1, 1, 1, 1, 9, 9])]),
      step("end", ["quick", "slow"], [attempt([9, 9, 9, 10, 10, 12, 12])]),
    ],
  } as unknown as RunData;
  const { keys, spent } = criticalPath(run, 0);
  expect(keys).toEqual(["slow", "end"]);
  expect(spent.get("queued")).toBe(1000);
  expect(spent.get("running")).toBe(10_000);
});
