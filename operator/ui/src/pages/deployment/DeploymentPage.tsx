import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { stringify } from "yaml";
import { graphql } from "../../api/__generated__";
import type { DeploymentQuery } from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { Command, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { Time } from "../../ui/Time";
import { count } from "../../util/format";
import { locationId } from "../../util/locations";

const DEPLOYMENT = graphql(`
  query Deployment {
    version
    instance { version databaseKind settings queueLength runCounts { status count } }
    locations {
      namespace name image isServing definitionsHash runtimeVersion loadSeconds loadedTime updateTime
      loadFailure { reason message traceback output }
      assets schedules sensors jobs { name }
    }
    queued: runs(filter: { statuses: [QUEUED] }, first: 200) { runs { runId jobName priority queuedReason creationTime } hasMore }
  }
`);

const VIEWS = [
  ["locations", "Code locations"],
  ["queue", "Queue"],
  ["settings", "Instance"],
] as const;

/** What serves: the code, the queue, the instance. */
export function DeploymentPage() {
  const { view = "locations" } = useParams({ strict: false });
  const { data, error, refetch } = useQuery({
    queryKey: ["deployment"],
    queryFn: ({ signal }) => ask(DEPLOYMENT, {}, signal),
    refetchInterval: 3_000,
  });
  return (
    <div className="page">
      <h1>Deployment</h1>
      <nav className="tabs" aria-label="deployment">
        {VIEWS.map(([key, title]) => (
          <Link key={key} to="/deployment/$view" params={{ view: key }}>
            {title}
          </Link>
        ))}
      </nav>
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={300} />}
      {data && view === "locations" && <Locations locations={data.locations} />}
      {data && view === "queue" && <Queue data={data} />}
      {data && view === "settings" && <Instance data={data} />}
      {!VIEWS.some(([key]) => key === view) && (
        <Empty title={`There is no view "${view}" of the deployment`} />
      )}
    </div>
  );
}

function Locations({ locations }: { locations: DeploymentQuery["locations"] }) {
  if (locations.length === 0) {
    return (
      <Empty title="There is no code location">
        On a cluster: <Command text="kubectl apply -f examples/quickstart/" /> On a laptop:{" "}
        <Command text="opweave dev -f definitions.py" />
      </Empty>
    );
  }
  return (
    <>
      {locations.map((location) => (
        <section key={locationId(location)} className="card" aria-label={`code location ${location.name}`}>
          <div className="page-head">
            <StatusIcon look={lookOf(location)} hasWord />
            <h2>{location.name}</h2>
            <span className="muted">{location.namespace}</span>
            <span className="grow" />
            <span className="secondary">
              {[
                [location.jobs.length, "job"],
                [location.assets.length, "asset"],
                [location.schedules.length, "schedule"],
                [location.sensors.length, "sensor"],
              ]
                .map(([number, word]) => `${number} ${word}${number === 1 ? "" : "s"}`)
                .join(" · ")}
            </span>
          </div>
          {location.loadFailure && (
            <div style={{ margin: "8px 0" }}>
              <p className="error-text">
                <strong>{location.loadFailure.reason}</strong>: {location.loadFailure.message}
              </p>
              {location.isServing && <p className="secondary">The version that loaded last keeps serving.</p>}
              {location.loadFailure.traceback && (
                <details open>
                  <summary>traceback</summary>
                  <pre className="block">{location.loadFailure.traceback}</pre>
                </details>
              )}
              {location.loadFailure.output && (
                <details>
                  <summary>what it printed</summary>
                  <pre className="block">{location.loadFailure.output}</pre>
                </details>
              )}
            </div>
          )}
          <dl className="facts">
            <dt>image</dt>
            <dd className="mono">{location.image || "this machine's Python"}</dd>
            <dt>definitions</dt>
            <dd className="mono">{location.definitionsHash.slice(0, 16) || "–"}</dd>
            <dt>loaded</dt>
            <dd>
              <Time at={location.loadedTime} />
              {location.loadSeconds != null && ` in ${location.loadSeconds.toFixed(1)} s`}
            </dd>
            <dt>runtime</dt>
            <dd>{location.runtimeVersion || "–"}</dd>
            {location.jobs.length > 0 && (
              <>
                <dt>jobs</dt>
                <dd className="row">
                  {location.jobs.map((job) => (
                    <Link
                      key={job.name}
                      to="/jobs/$location/$job"
                      params={{ location: locationId(location), job: job.name }}
                    >
                      {job.name}
                    </Link>
                  ))}
                </dd>
              </>
            )}
          </dl>
          {location.namespace !== "local" && (
            <Command text={`kubectl describe codelocation ${location.name} -n ${location.namespace}`} />
          )}
        </section>
      ))}
    </>
  );
}

function lookOf(location: DeploymentQuery["locations"][number]) {
  if (location.loadFailure) {
    return location.isServing
      ? ({ family: "attention", shape: "triangle", word: "Serves an older version" } as const)
      : ({ family: "failure", shape: "cross", word: "Cannot be loaded" } as const);
  }
  return location.isServing
    ? ({ family: "success", shape: "check", word: "Loaded" } as const)
    : ({ family: "active", shape: "dashed", word: "Loading" } as const);
}

function Queue({ data }: { data: DeploymentQuery }) {
  const { runs, hasMore } = data.queued;
  if (runs.length === 0)
    return (
      <Empty title="Nothing waits">
        Runs that the limits of the instance hold back stand here, with the reason.
      </Empty>
    );
  return (
    <>
      <p>{count(data.instance.queueLength)} runs wait. Higher priority first, then the oldest.</p>
      <table className="list">
        <thead>
          <tr>
            <th>run</th>
            <th>job</th>
            <th>waits for</th>
            <th className="num">priority</th>
            <th>since</th>
          </tr>
        </thead>
        <tbody>
          {runs
            .toSorted((a, b) => b.priority - a.priority || a.runId.localeCompare(b.runId))
            .map((run) => (
              <tr key={run.runId}>
                <td>
                  <Link className="mono" to="/runs/$runId" params={{ runId: run.runId }}>
                    {run.runId}
                  </Link>
                </td>
                <td>{run.jobName}</td>
                <td>{run.queuedReason || "the queue to be looked at"}</td>
                <td className="num">{run.priority}</td>
                <td>
                  <Time at={run.creationTime} />
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      {hasMore && (
        <Link to="/runs" search={{ q: "status:queued" }}>
          All of them
        </Link>
      )}
    </>
  );
}

function Instance({ data }: { data: DeploymentQuery }) {
  const settings = stringify(data.instance.settings);
  return (
    <>
      <dl className="facts">
        <dt>version</dt>
        <dd>{data.version}</dd>
        <dt>database</dt>
        <dd>{data.instance.databaseKind}</dd>
        <dt>runs</dt>
        <dd>
          {data.instance.runCounts
            .filter((each) => each.count)
            .map((each) => `${count(each.count)} ${each.status.toLowerCase()}`)
            .join(", ") || "none"}
        </dd>
      </dl>
      <h2>
        Settings, as <code>Instance.spec</code>
      </h2>
      {settings.trim() === "{}" ? (
        <p className="secondary">All are the defaults.</p>
      ) : (
        <pre className="block">{settings}</pre>
      )}
    </>
  );
}
