/** Failures folded by cause; one that a later success of the same job repaired is history, not an alarm. */

type Run = {
  runId: string;
  jobName: string;
  location: { namespace: string; name: string };
  status: string;
  reason: string;
  message: string;
  creationTime: string;
};
export type Failure<R extends Run> = { key: string; count: number; last: R };

export function groupFailures<R extends Run>(newestFirst: R[]): Failure<R>[] {
  const repaired = new Set<string>();
  const groups = new Map<string, Failure<R>>();
  for (const run of newestFirst) {
    const job = `${run.location.namespace}/${run.location.name}/${run.jobName}`;
    if (run.status === "SUCCESS") repaired.add(job);
    if (run.status !== "FAILURE" || repaired.has(job)) continue;
    const key = `${job}\n${run.reason}\n${fingerprint(run.message)}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { key, count: 1, last: run });
  }
  return [...groups.values()];
}

/** The message without what differs between two deaths of one cause: numbers and ids. */
function fingerprint(message: string): string {
  return message.replace(/[0-9a-f]{8,}|\d+/gi, "#");
}
