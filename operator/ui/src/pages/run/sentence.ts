/** The first line of a run: what happened, why. */
import { count, duration } from "../../util/format";
import type { RunData, StepData } from "./queries";

/** The run in a sentence; *now* is what "so far" is measured to. */
export function sentence(run: RunData, now: number): string {
  const took = (from: string | null | undefined) =>
    duration((run.endTime ? Date.parse(run.endTime) : now) - Date.parse(from ?? run.creationTime));
  const failed = run.steps.filter((step) => step.status === "FAILURE");
  const skipped = run.steps.filter((step) => step.status === "SKIPPED").length;
  switch (run.status) {
    case "QUEUED":
      return `Queued for ${took(run.creationTime)}${run.queuedReason ? `: ${run.queuedReason}` : ", waits for the queue to be looked at"}.`;
    case "STARTING":
      return `Starting for ${took(run.dequeueTime)}.`;
    case "STARTED":
      return running(run, took(run.startTime));
    case "CANCELING":
      return "Canceling: its steps are being stopped.";
    case "SUCCESS":
      return `Succeeded in ${took(run.startTime)}${skipped ? `, ${count(skipped)} of ${count(run.steps.length)} steps skipped` : ""}.`;
    case "CANCELED":
      return `Canceled after ${took(run.startTime)}${run.message ? `: ${run.message}` : ""}.`;
    case "FAILURE":
      return `Failed after ${took(run.startTime)}: ${failure(failed) || run.message || run.reason}.${
        skipped ? ` ${count(skipped)} ${skipped === 1 ? "step" : "steps"} did not run.` : ""
      }`;
  }
}

function running(run: RunData, took: string): string {
  const active = run.steps.filter((step) => step.status === "RUNNING");
  const done = run.steps.filter((step) => step.endTime).length;
  const progress = `${count(done)} of ${count(run.steps.length)} steps ended`;
  const waiting = run.steps.filter((step) => step.waitingMessage || step.waitingReason);
  const reason = waiting[0] && (waiting[0].waitingMessage || waiting[0].waitingReason);
  if (active.length === 0 && waiting[0]) {
    return `Started ${took} ago, waiting: ${waiting[0].stepKey}: ${reason}. ${progress}.`;
  }
  const runs = active.length ? `, ${names(active)} ${active.length === 1 ? "runs" : "run"}` : "";
  const waits = waiting.length ? `; ${count(waiting.length)} could start but wait: ${reason}` : "";
  return `Running for ${took}, ${progress}${runs}${waits}.`;
}

function failure(failed: StepData[]): string {
  const first = failed[0];
  if (!first) return "";
  const message = first.attempts.at(-1)?.outcome?.message || first.message || first.reason;
  const more = failed.length > 1 ? `, and ${count(failed.length - 1)} more failed` : "";
  const attempts = first.attempts.length > 1 ? ` on attempt ${first.attempts.length}` : "";
  return `${first.stepKey} raised ${message.split("\n")[0]}${attempts}${more}`.replace(/\.$/, "");
}

function names(steps: StepData[]): string {
  const shown = steps
    .slice(0, 3)
    .map((step) => step.stepKey)
    .join(", ");
  return steps.length > 3 ? `${shown} and ${steps.length - 3} more` : shown;
}

/** A step in a sentence: what a row of the Gantt is called. */
export function stepSentence(step: StepData, runFor: number, waitedFor: number): string {
  const reason =
    step.waitingMessage ||
    step.waitingReason ||
    (step.status === "FAILURE" || step.status === "SKIPPED" ? step.reason : "");
  return [
    step.stepKey,
    step.status.toLowerCase(),
    runFor > 0 ? `ran ${duration(runFor)}` : "",
    waitedFor > 1000 ? `waited ${duration(waitedFor)}` : "",
    step.attempts.length > 1 ? `${step.attempts.length} attempts` : "",
    reason,
  ]
    .filter(Boolean)
    .join(", ");
}
