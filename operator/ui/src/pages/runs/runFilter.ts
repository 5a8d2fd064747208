/** From the text of the filter to what the API filters by. */
import type { RunStatus, RunsFilter } from "../../api/__generated__/graphql";
import { RUN } from "../../ui/status";
import { parseFilter, span } from "../../util/filterText";
import { parseLocationId } from "../../util/locations";

export const FIELDS = ["status", "job", "location", "tag", "since"] as const;

/** The filter, with the terms that say nothing: each with a reason. */
export function runFilter(text: string, now: number): { filter: RunsFilter; problems: string[] } {
  const { terms, words } = parseFilter(text);
  const filter: RunsFilter = {};
  const problems = words.map(
    (word) => `"${word}" has no field; write ${FIELDS.map((f) => `${f}:…`).join(" ")}`,
  );
  for (const { field, value } of terms) {
    const problem = add(filter, field, value, now);
    if (problem) problems.push(problem);
  }
  return { filter, problems };
}

function add(filter: RunsFilter, field: string, value: string, now: number): string | null {
  if (field === "status") {
    const names = value.toUpperCase().split(",");
    const unknown = names.find((name) => !(name in RUN));
    if (unknown !== undefined)
      return `there is no status "${unknown.toLowerCase()}"; there are ${Object.keys(RUN).join(", ").toLowerCase()}`;
    filter.statuses = [...(filter.statuses ?? []), ...(names as RunStatus[])];
  } else if (field === "job") filter.jobName = value;
  else if (field === "location") filter.location = parseLocationId(value);
  else if (field === "tag") {
    const at = value.indexOf("=");
    if (at < 1) return `tag:${value} needs a value: tag:key=value`;
    filter.tags = [...(filter.tags ?? []), { key: value.slice(0, at), value: value.slice(at + 1) }];
  } else if (field === "since") {
    const milliseconds = span(value);
    if (milliseconds === null) return `since:${value} is no span; write 30m, 24h or 7d`;
    filter.createdAfter = new Date(now - milliseconds).toISOString();
  } else return `"${field}" is not a field of runs; there are ${FIELDS.join(", ")}`;
  return null;
}
