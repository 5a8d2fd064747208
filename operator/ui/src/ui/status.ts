/** What each status of the schema looks like and is called; a status without an entry does not compile. */
import type { AttemptStatus, RunStatus, StepStatus } from "../api/__generated__/graphql";

export type Family = "success" | "failure" | "active" | "attention" | "queued" | "stopped";
export type Shape =
  | "check"
  | "cross"
  | "ring"
  | "dashed"
  | "clock"
  | "dotted"
  | "triangle"
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
