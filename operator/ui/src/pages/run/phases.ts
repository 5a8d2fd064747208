/** From the moments of an attempt to the phases that the Gantt draws. */
import type { AttemptData, RunData, StepData } from "./queries";

export type PhaseName = "slot" | "pending" | "starting" | "running" | "storing" | "retry";
export type Phase = {
  name: PhaseName;
  from: number;
  to: number;
  isOpen: boolean;
  family: "success" | "failure" | "active" | "stopped";
};

export const PHASE_WORDS: Record<PhaseName, string> = {
  slot: "waiting for a slot",
  pending: "pod pending",
  starting: "starting",
  running: "running",
  storing: "storing outputs",
  retry: "waiting to retry",
};

const time = (moment: string | null | undefined) => (moment ? Date.parse(moment) : null);

function familyOf(attempt: AttemptData): Phase["family"] {
  switch (attempt.outcome?.status) {
    case "SUCCESS":
      return "success";
    case "FAILURE":
    case "LOST":
      return "failure";
    case "CANCELED":
      return "stopped";
    default:
      return "active";
  }
}

/** The phases of one attempt in order; a phase that goes on ends *now*. */
export function phasesOf(attempt: AttemptData, now: number): Phase[] {
  const m = attempt.moments;
  const end = time(attempt.outcome?.timestamp);
  const starts: [PhaseName, number | null][] = [
    ["slot", time(m.ready)],
    ["pending", time(m.created)],
    ["starting", time(m.running)],
    ["running", time(m.userCode)],
    ["storing", time(m.bodyEnded)],
  ];
  const known = starts.filter((each): each is [PhaseName, number] => each[1] !== null);
  const last = time(m.committed) ?? end;
  return known
    .map(([name, from], index): Phase => {
      const next = known[index + 1]?.[1];
      const isOpen = next === undefined && last === null;
      return { name, from, to: Math.max(from, next ?? last ?? now), isOpen, family: familyOf(attempt) };
    })
    .filter((phase) => phase.to > phase.from || phase.name === "running");
}

/** All phases of a step, its waits between attempts included. */
export function stepPhases(step: StepData, now: number): Phase[] {
  const phases: Phase[] = [];
  for (const attempt of step.attempts) {
    const own = phasesOf(attempt, now);
    const before = phases.at(-1);
    const first = own[0];
    if (before && first && first.from > before.to) {
      phases.push({ name: "retry", from: before.to, to: first.from, isOpen: false, family: "failure" });
    }
    phases.push(...own);
  }
  const last = phases.at(-1);
  if (last && step.retryTime && step.status === "WAITING") {
    phases.push({
      name: "retry",
      from: last.to,
      to: Math.max(now, last.to),
      isOpen: true,
      family: "failure",
    });
  }
  return phases;
}

/** Milliseconds that the phases of *names* took. */
export function total(phases: Phase[], names: PhaseName[]): number {
  return phases
    .filter((phase) => names.includes(phase.name))
    .reduce((sum, phase) => sum + phase.to - phase.from, 0);
}

/** Where the time of the run went, in milliseconds per phase, along the chain of steps that ended last. */
export function criticalPath(
  run: RunData,
  now: number,
): { keys: string[]; spent: Map<PhaseName | "queued", number> } {
  const byKey = new Map(run.steps.map((step) => [step.stepKey, { step, phases: stepPhases(step, now) }]));
  const endOf = (key: string) => byKey.get(key)?.phases.at(-1)?.to ?? 0;
  const latest = (keys: string[]) =>
    keys.reduce<string | null>((best, key) => (endOf(key) > (best ? endOf(best) : 0) ? key : best), null);
  const keys: string[] = [];
  const spent = new Map<PhaseName | "queued", number>();
  let at = latest([...byKey.keys()]);
  while (at !== null && !keys.includes(at)) {
    keys.unshift(at);
    const found = byKey.get(at);
    for (const phase of found?.phases ?? [])
      spent.set(phase.name, (spent.get(phase.name) ?? 0) + phase.to - phase.from);
    at = latest(found?.step.upstreamKeys ?? []);
  }
  const queuedUntil = time(run.dequeueTime) ?? time(run.endTime) ?? now;
  spent.set("queued", queuedUntil - Date.parse(run.creationTime));
  return { keys, spent };
}
