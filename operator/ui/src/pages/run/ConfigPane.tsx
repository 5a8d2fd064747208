import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { stringify } from "yaml";
import { ask } from "../../api/client";
import { CopyButton, ErrorCard, Skeleton, Tags } from "../../ui/parts";
import { Time } from "../../ui/Time";
import { RUN_CONFIG, type RunData } from "./queries";

/** What the run was launched with. */
export function ConfigPane({ run }: { run: RunData }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["run-config", run.runId],
    queryFn: ({ signal }) => ask(RUN_CONFIG, { runId: run.runId }, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const yaml = data?.run ? stringify(data.run.runConfig) : "";
  return (
    <div className="events" style={{ padding: "12px 0" }}>
      <div className="row" style={{ alignItems: "flex-start", gap: 32 }}>
        <div className="grow">
          <div className="row">
            <h3>Run config, with every default</h3>
            <CopyButton text={yaml} label="copy the config" />
          </div>
          {error && <ErrorCard error={error} retry={refetch} />}
          {!data && !error && <Skeleton />}
          {data && <pre className="block">{yaml}</pre>}
        </div>
        <dl className="facts">
          <dt>created</dt>
          <dd>
            <Time at={run.creationTime} />
          </dd>
          <dt>left the queue</dt>
          <dd>
            <Time at={run.dequeueTime} />
          </dd>
          <dt>started</dt>
          <dd>
            <Time at={run.startTime} />
          </dd>
          <dt>ended</dt>
          <dd>
            <Time at={run.endTime} />
          </dd>
          <dt>priority</dt>
          <dd>{run.priority}</dd>
          <dt>launched by</dt>
          <dd>{run.launchedBy}</dd>
          {run.jobResource && (
            <>
              <dt>declared job</dt>
              <dd>{run.jobResource}</dd>
            </>
          )}
          {run.objectName && (
            <>
              <dt>Job object</dt>
              <dd className="mono">{run.objectName}</dd>
            </>
          )}
          <dt>image</dt>
          <dd className="mono">{run.image || "–"}</dd>
          <dt>definitions</dt>
          <dd className="mono">{run.definitionsHash.slice(0, 16)}</dd>
          {run.rootRunId && run.rootRunId !== run.runId && (
            <>
              <dt>root run</dt>
              <dd>
                <Link to="/runs/$runId" params={{ runId: run.rootRunId }}>
                  {run.rootRunId}
                </Link>
              </dd>
            </>
          )}
          <dt>tags</dt>
          <dd>
            <Tags tags={run.tags} />
          </dd>
        </dl>
      </div>
    </div>
  );
}
