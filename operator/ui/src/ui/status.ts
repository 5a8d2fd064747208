/** What each status of the schema looks like and is called; a status without an entry does not compile. */
import type {
  AttemptStatus,
  RunStatus,
  StaleStatus,
  StepStatus,
  TickStatus,
} from "../api/__generated__/graphql";

export type Family = "success" | "failure" | "active" | "attention" | "queued" | "stopped";
export type Shape =
  | "check"
  | "cross"
  | "ring"
  | "dashed"
  | "clock"
  | "dotted"
  | "triangle"
  | "half"
  | "square"
  | "dash"
  | "retry"
  | "pause";
export type Look = { family: Family; shape: Shape; word: string };

export const RUN: Record<RunStatus, Look> = {
  QUEUED: { family: "queued", shape: "clock", word: "Queued" },
  STARTING: { family: "active", shape: "dashed", word: "Starting" },
  STARTED: { family: "active", shape: "ring", word: "Running" },
  CANCELING: { family: "stopped", shape: "ring", word: "Canceling" },
  SUCCESS: { family: "success", shape: "check", word: "Success" },
  FAILURE: { family: "failure", shape: "cross", word: "Failed" },
  CANCELED: { family: "stopped", shape: "square", word: "Canceled" },
};

export const STEP: Record<StepStatus, Look> = {
  WAITING: { family: "queued", shape: "dotted", word: "Waiting" },
  STARTING: { family: "active", shape: "dashed", word: "Starting" },
  RUNNING: { family: "active", shape: "ring", word: "Running" },
  SUCCESS: { family: "success", shape: "check", word: "Success" },
  FAILURE: { family: "failure", shape: "cross", word: "Failed" },
  SKIPPED: { family: "queued", shape: "dash", word: "Skipped" },
  CANCELED: { family: "stopped", shape: "square", word: "Canceled" },
};

export const ATTEMPT: Record<AttemptStatus, Look> = {
  REQUESTED: { family: "queued", shape: "clock", word: "Requested" },
  CREATED: { family: "active", shape: "dashed", word: "Starting" },
  RUNNING: { family: "active", shape: "ring", word: "Running" },
  SUCCESS: { family: "success", shape: "check", word: "Success" },
  FAILURE: { family: "failure", shape: "cross", word: "Failed" },
  LOST: { family: "failure", shape: "cross", word: "Lost" },
  CANCELED: { family: "stopped", shape: "square", word: "Canceled" },
};

export const TICK: Record<TickStatus, Look> = {
  STARTED: { family: "active", shape: "ring", word: "Evaluating" },
  SKIPPED: { family: "queued", shape: "dash", word: "Skipped" },
  SUCCESS: { family: "success", shape: "check", word: "Success" },
  FAILURE: { family: "failure", shape: "cross", word: "Failed" },
};

export const STALE: Record<StaleStatus, Look> = {
  FRESH: { family: "success", shape: "check", word: "Fresh" },
  STALE: { family: "attention", shape: "half", word: "Stale" },
  MISSING: { family: "queued", shape: "dotted", word: "Missing" },
};

/** A schedule or sensor that ticks, one that somebody stopped, and one that cannot tick. */
export const INSTIGATOR: Record<"running" | "stopped" | "problem", Look> = {
  running: { family: "success", shape: "check", word: "Running" },
  stopped: { family: "stopped", shape: "pause", word: "Stopped" },
  problem: { family: "attention", shape: "triangle", word: "Cannot tick" },
};

/** An asset that nothing here writes, and of which nobody has told. */
export const ASSET_EXTERNAL: Look = { family: "queued", shape: "dash", word: "External" };

export const CHECK: Record<"passed" | "warned" | "failed" | "never", Look> = {
  passed: { family: "success", shape: "check", word: "Passed" },
  warned: { family: "attention", shape: "triangle", word: "Warned" },
  failed: { family: "failure", shape: "cross", word: "Failed" },
  never: { family: "queued", shape: "dotted", word: "Never checked" },
};
