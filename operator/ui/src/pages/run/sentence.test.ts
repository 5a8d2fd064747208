import { expect, it } from "vitest";
import type { RunData } from "./queries";
import { sentence } from "./sentence";

const NOW = Date.parse("2026-11-21T12:00:10Z");
const step = (stepKey: string, status: string, more = {}) => ({
  stepKey,
  status,
  reason: "",
  message: "",
  waitingReason: "",
  waitingMessage: "",
  attempts: [],
  endTime: null,
  ...more,
});
const run = (status: string, steps: object[], more = {}) =>
  ({
    status,
    steps,
    reason: "",
    message: "",
    queuedReason: "",
    creationTime: "2026-11-21T12:00:00Z",
    startTime: "2026-11-21T12:00:00Z",
    endTime: null,
    ...more,
  }) as unknown as RunData;

it("does not call a run running whose steps all wait", () => {
  const waiting = step("load", "STARTING", { waitingMessage: "0/3 nodes have 64Gi free" });
  expect(sentence(run("STARTED", [waiting]), NOW)).toBe(
    "Started 10 s ago, waiting: load: 0/3 nodes have 64Gi free. 0 of 1 steps ended.",
  );
});

it("tells what runs apart from what only could", () => {
  const steps = [
    step("a", "RUNNING"),
    step("b", "STARTING", { waitingMessage: "4 run" }),
    step("c", "SUCCESS", { endTime: "x" }),
  ];
  expect(sentence(run("STARTED", steps), NOW)).toBe(
    "Running for 10 s, 1 of 3 steps ended, a runs; 1 could start but wait: 4 run.",
  );
});

it("says which step a run died of, on which attempt, and what it left out", () => {
  const outcome = { message: "KeyError: 'region'" };
  const steps = [step("clean", "FAILURE", { attempts: [{}, { outcome }] }), step("report", "SKIPPED")];
  expect(sentence(run("FAILURE", steps, { endTime: "2026-11-21T12:04:12Z" }), NOW)).toBe(
    "Failed after 4m 12s: clean raised KeyError: 'region' on attempt 2. 1 step did not run.",
  );
});

it("says what a queued run waits for", () => {
  expect(sentence(run("QUEUED", [], { queuedReason: "10 runs of team a" }), NOW)).toBe(
    "Queued for 10 s: 10 runs of team a.",
  );
});
