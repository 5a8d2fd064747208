import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { stringify } from "yaml";
import { graphql } from "../../api/__generated__";
import type { JobQuery } from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { GraphCanvas } from "../../ui/GraphCanvas";
import { useKeys } from "../../ui/keys";
import { Empty, ErrorCard, Skeleton, Tags } from "../../ui/parts";
import { useUrlState } from "../../ui/useSearch";
import { parseLocationId } from "../../util/locations";
import { RUNS } from "../runs/queries";
import { RunTable } from "../runs/RunTable";

const JOB = graphql(`
  query Job($namespace: String!, $location: String!, $job: String!) {
    location(namespace: $namespace, name: $location) {
      namespace name isServing
      job(name: $job) {
        name description tags { key value } definitionsHash requiresConfig defaultRunConfig
        steps { stepKey opName tags { key value } outputs { name isDynamic isRequired } }
        nodes { path parentPath definition description isGraph inputs { name sources } outputs }
      }
      declaredJobs { namespace name jobName runConfig priority tags { key value } maxConcurrentRuns }
    }
  }
`);

type JobData = NonNullable<NonNullable<JobQuery["location"]>["job"]>;

/** A job: its graph with what each op is, its runs, its config. */
export function JobPage() {
  const { location = "", job = "" } = useParams({ strict: false });
  const [{ view = "graph" }, setUrl] = useUrlState();
  const navigate = useNavigate();
  const { namespace, name } = parseLocationId(location);
  const { data, error, refetch } = useQuery({
    queryKey: ["job", location, job],
    queryFn: ({ signal }) => ask(JOB, { namespace, location: name, job }, signal),
  });
  const found = data?.location?.job;
  useKeys({ l: () => navigate({ to: "/jobs/$location/$job/launchpad", params: { location, job } }) });
  return (
    <div className="page" style={{ flex: 1, minHeight: 560 }}>
      <div className="crumbs">
        <Link to="/jobs">Jobs</Link> / {name}
      </div>
      <div className="page-head">
        <h1>{job}</h1>
        {found && <Tags tags={found.tags} most={6} />}
        <span className="grow" />
        <Link className="button primary" to="/jobs/$location/$job/launchpad" params={{ location, job }}>
          Launch…
        </Link>
      </div>
      {error && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={400} />}
      {data && !found && (
        <Empty
          title={data.location ? `Location ${name} has no job ${job}` : `There is no code location ${name}`}
        >
          Its runs remain:{" "}
          <Link to="/runs" search={{ q: `job:${job}` }}>
            runs of {job}
          </Link>
        </Empty>
      )}
      {found && (
        <>
          {found.description && (
            <p className="secondary" style={{ whiteSpace: "pre-line" }}>
              {found.description}
            </p>
          )}
          <div className="tabs" role="tablist" aria-label="views of the job">
            {[
              ["graph", "Graph"],
              ["runs", "Runs"],
              ["config", "Config"],
            ].map(([key, title]) => (
              <button
                type="button"
                role="tab"
                key={key}
                aria-selected={view === key}
                onClick={() => setUrl({ view: key === "graph" ? null : (key ?? null) }, true)}
              >
                {title}
              </button>
            ))}
          </div>
          {view === "graph" && <JobGraph job={found} />}
          {view === "runs" && <JobRuns location={location} job={job} />}
          {view === "config" && (
            <div className="row" style={{ alignItems: "flex-start", gap: 32 }}>
              <div className="grow">
                <h3>Default run config</h3>
                <pre className="block">{stringify(found.defaultRunConfig)}</pre>
              </div>
              <div className="grow">
                <h3>Declared jobs</h3>
                {data.location?.declaredJobs
                  .filter((each) => each.jobName === job)
                  .map((each) => (
                    <div key={each.name} className="card">
                      <strong>{each.name}</strong> priority {each.priority} <Tags tags={each.tags} />
                      <pre>{stringify(each.runConfig)}</pre>
                    </div>
                  ))}
                {!data.location?.declaredJobs.some((each) => each.jobName === job) && (
                  <p className="secondary">No object or file declares it with a config of its own.</p>
                )}
              </div>
            </div>
          )}
        </>
      )}
    </div>
  );
}

function JobGraph({ job }: { job: JobData }) {
  const [{ path = "", op }, setUrl] = useUrlState();
  const nodes = useMemo(() => {
    const here = job.nodes.filter((node) => (node.parentPath ?? "") === path);
    const top = new Map<string, string>();
    for (const node of here) top.set(node.path, node.path);
    const inside = (source: string) =>
      here.find((node) => source === node.path || source.startsWith(`${node.path}.`))?.path;
    return here.map((node) => ({
      id: node.path,
      upstream: [
        ...new Set(
          node.inputs
            .flatMap((input) => input.sources.map(inside))
            .filter((each): each is string => each !== undefined && each !== node.path),
        ),
      ],
      label: node.path.slice(path ? path.length + 1 : 0),
      detail: node.isGraph
        ? `graph ${node.definition}`
        : node.path.endsWith(node.definition)
          ? "op"
          : `op ${node.definition}`,
      family: null,
      isGroup: node.isGraph,
    }));
  }, [job.nodes, path]);
  const selected = job.nodes.find((node) => node.path === op);
  const parts = path ? path.split(".") : [];
  return (
    <>
      {parts.length > 0 && (
        <div className="row">
          <button
            type="button"
            className="button small"
            onClick={() => setUrl({ path: null, op: null }, true)}
          >
            {job.name}
          </button>
          {parts.map((part, index) => (
            <button
              type="button"
              key={part}
              className="button small"
              onClick={() => setUrl({ path: parts.slice(0, index + 1).join("."), op: null }, true)}
            >
              {part}
            </button>
          ))}
        </div>
      )}
      <div style={{ display: "flex", flex: 1, minHeight: 380 }}>
        <GraphCanvas
          nodes={nodes}
          selected={op ?? null}
          label={`graph of ${job.name}`}
          onSelect={(id) => setUrl({ op: id })}
          onOpen={(id) =>
            job.nodes.find((node) => node.path === id)?.isGraph && setUrl({ path: id, op: null }, true)
          }
        />
        {selected && (
          <aside
            className="step-detail"
            aria-label={selected.path}
            style={{ width: 320, overflow: "auto", padding: "0 16px", flex: "none" }}
          >
            <h2>{selected.path}</h2>
            <p className="secondary">
              {selected.isGraph ? "graph" : "op"} {selected.definition}
            </p>
            {selected.description && <p style={{ whiteSpace: "pre-line" }}>{selected.description}</p>}
            {selected.isGraph && (
              <button
                type="button"
                className="button"
                onClick={() => setUrl({ path: selected.path, op: null }, true)}
              >
                Open the graph
              </button>
            )}
            <dl className="facts">
              {selected.inputs.map((input) => (
                <div key={input.name} style={{ display: "contents" }}>
                  <dt>input {input.name}</dt>
                  <dd>{input.sources.join(", ") || "from config or a default"}</dd>
                </div>
              ))}
              {selected.outputs.map((output) => (
                <div key={output} style={{ display: "contents" }}>
                  <dt>output</dt>
                  <dd>{output}</dd>
                </div>
              ))}
            </dl>
          </aside>
        )}
      </div>
    </>
  );
}

function JobRuns({ location, job }: { location: string; job: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["job-runs", location, job],
    queryFn: ({ signal }) =>
      ask(RUNS, { filter: { jobName: job, location: parseLocationId(location) } }, signal),
    refetchInterval: 2_000,
  });
  if (error && !data) return <ErrorCard error={error} retry={refetch} />;
  if (!data) return <Skeleton height={300} />;
  if (data.runs.runs.length === 0)
    return (
      <Empty title="It has not run yet">
        Launch it: <kbd>l</kbd>
      </Empty>
    );
  return (
    <>
      <RunTable runs={data.runs.runs} />
      <Link to="/runs" search={{ q: `job:${job} location:${location}` }}>
        All its runs
      </Link>
    </>
  );
}
