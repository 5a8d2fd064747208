import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { graphql } from "../../api/__generated__";
import type { OverviewQuery } from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { Command, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { RUN } from "../../ui/status";
import { Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { span } from "../../util/filterText";
import { locationId } from "../../util/locations";
import { groupFailures } from "./failures";
import { TimeLine } from "./TimeLine";

const OVERVIEW = graphql(`
  query Overview($since: DateTime!) {
    instance { queueLength }
    locations { namespace name isServing loadFailure { reason message } }
    recent: runs(filter: { createdAfter: $since }, first: 1000) {
      runs {
        runId jobName location { namespace name } status reason message creationTime startTime endTime
      }
      hasMore
    }
    waiting: runs(filter: { statuses: [QUEUED] }, first: 200) { runs { runId jobName queuedReason creationTime } }
  }
`);

export type OverviewRun = OverviewQuery["recent"]["runs"][number];

const RANGES = ["1h", "6h", "24h", "7d"];

/** What needs a person, what waits and why, and what ran when. */
export function OverviewPage() {
  const [{ range = "24h" }, setUrl] = useUrlState();
  const milliseconds = span(range) ?? 86_400_000;
  const { data, error, refetch } = useQuery({
    queryKey: ["overview", range],
    queryFn: ({ signal }) =>
      ask(OVERVIEW, { since: new Date(Date.now() - milliseconds).toISOString() }, signal),
    refetchInterval: 3_000,
  });
  if (error && !data)
    return (
      <div className="page">
        <h1>Overview</h1>
        <ErrorCard error={error} retry={refetch} />
      </div>
    );
  return (
    <div className="page">
      <div className="page-head">
        <h1>Overview</h1>
        <span className="grow" />
        <label className="row">
          <span className="muted">range</span>
          <select value={range} onChange={(event) => setUrl({ range: event.target.value }, true)}>
            {RANGES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      {!data && <Skeleton height={400} />}
      {data && <Content data={data} range={milliseconds} />}
    </div>
  );
}

function Content({ data, range }: { data: OverviewQuery; range: number }) {
  const broken = data.locations.filter((location) => location.loadFailure);
  const failures = groupFailures(data.recent.runs);
  const reasons = new Map<string, number>();
  for (const run of data.waiting.runs) {
    const reason = run.queuedReason || "waits for the queue to be looked at";
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (data.locations.length === 0) {
    return (
      <Empty title="There is no code yet">
        A code location holds jobs, assets, schedules and sensors. On a cluster:{" "}
        <Command text="kubectl apply -f examples/quickstart/" /> On a laptop:{" "}
        <Command text="opweave dev -f definitions.py" />
      </Empty>
    );
  }
  const attention = broken.length + failures.length;
  return (
    <>
      <section aria-labelledby="attention">
        <h2 id="attention">Needs attention {attention > 0 && attention}</h2>
        {attention === 0 && (
          <p className="secondary">Nothing: every location loads, and whatever failed has succeeded since.</p>
        )}
        <ul className="plain-list">
          {broken.map((location) => (
            <li key={locationId(location)}>
              <StatusIcon look={{ family: "failure", shape: "cross", word: "cannot be loaded" }} />
              <Link to="/deployment/$view" params={{ view: "locations" }}>
                code location {location.name}
              </Link>
              <span className="grow clip secondary">
                {location.isServing ? "an older version serves; " : ""}
                {location.loadFailure?.reason}: {location.loadFailure?.message}
              </span>
            </li>
          ))}
          {failures.map((group) => (
            <li key={group.key}>
              <StatusIcon look={RUN.FAILURE} />
              <Link
                to="/jobs/$location/$job"
                params={{ location: locationId(group.last.location), job: group.last.jobName }}
              >
                {group.last.jobName}
              </Link>
              <span className="grow clip">{group.last.message || group.last.reason}</span>
              <span className="secondary">
                {group.count === 1 ? "1 run" : `${group.count} runs`}, last{" "}
                <Time at={group.last.creationTime} />
              </span>
              <Link className="button small" to="/runs/$runId" params={{ runId: group.last.runId }}>
                Open last
              </Link>
            </li>
          ))}
        </ul>
      </section>
      {reasons.size > 0 && (
        <section aria-labelledby="waiting">
          <h2 id="waiting">Waiting {data.instance.queueLength}</h2>
          <ul className="plain-list">
            {[...reasons].map(([reason, number]) => (
              <li key={reason}>
                <StatusIcon look={RUN.QUEUED} />
                <strong>{number}</strong> <span className="grow">{reason}</span>
                <Link className="button small" to="/deployment/$view" params={{ view: "queue" }}>
                  Queue
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section aria-labelledby="timeline">
        <h2 id="timeline">Time line</h2>
        <TimeLine runs={data.recent.runs} range={range} />
        {data.recent.hasMore && <p className="muted">The newest 1,000 runs of the range are drawn.</p>}
      </section>
    </>
  );
}
