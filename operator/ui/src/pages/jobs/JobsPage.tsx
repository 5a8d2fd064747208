import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { graphql } from "../../api/__generated__";
import { ask } from "../../api/client";
import { Command, Empty, ErrorCard, Skeleton, Tags } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { RUN } from "../../ui/status";
import { Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { locationId } from "../../util/locations";

const JOBS = graphql(`
  query Jobs {
    jobs { name description location { namespace name } tags { key value } }
    runs(first: 500) { runs { runId jobName location { namespace name } status creationTime } }
  }
`);

/** Every job of every location, with how its last runs went. */
export function JobsPage() {
  const [{ q = "" }, setUrl] = useUrlState();
  const [text, setText] = useState(q);
  const { data, error, refetch } = useQuery({
    queryKey: ["jobs"],
    queryFn: ({ signal }) => ask(JOBS, {}, signal),
    refetchInterval: 5_000,
  });
  const wanted = text.toLowerCase();
  const jobs =
    data?.jobs.filter((job) => `${job.name} ${job.location.name}`.toLowerCase().includes(wanted)) ?? [];
  return (
    <div className="page">
      <h1>Jobs</h1>
      <input
        data-filter
        aria-label="Filter jobs"
        placeholder="filter by name or location"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setUrl({ q: event.target.value });
        }}
      />
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={300} />}
      {data?.jobs.length === 0 && (
        <Empty title="No location has a job">
          Write one with <code>@job</code>, or see under{" "}
          <Link to="/deployment/$view" params={{ view: "locations" }}>
            Code locations
          </Link>{" "}
          why yours does not load. <Command text="opweave location list" />
        </Empty>
      )}
      {data && data.jobs.length > 0 && jobs.length === 0 && <Empty title="No job has that name" />}
      {jobs.length > 0 && (
        <div className="scroll-x">
          <table className="list">
            <thead>
              <tr>
                <th>job</th>
                <th>location</th>
                <th>last runs</th>
                <th>last run</th>
                <th>description</th>
                <th>tags</th>
                <th>
                  <span className="visually-hidden">actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {jobs.map((job) => {
                const id = locationId(job.location);
                const runs =
                  data?.runs.runs
                    .filter((run) => run.jobName === job.name && locationId(run.location) === id)
                    .slice(0, 8) ?? [];
                return (
                  <tr key={`${id}/${job.name}`}>
                    <td>
                      <Link to="/jobs/$location/$job" params={{ location: id, job: job.name }}>
                        {job.name}
                      </Link>
                    </td>
                    <td className="secondary">{job.location.name}</td>
                    <td>
                      <span className="row" style={{ flexWrap: "nowrap", gap: 2 }}>
                        {[...runs].reverse().map((run) => (
                          <Link
                            key={run.runId}
                            to="/runs/$runId"
                            params={{ runId: run.runId }}
                            aria-label={`run ${run.runId}, ${RUN[run.status].word}`}
                          >
                            <StatusIcon look={RUN[run.status]} />
                          </Link>
                        ))}
                      </span>
                    </td>
                    <td>
                      <Time at={runs[0]?.creationTime} />
                    </td>
                    <td className="secondary">{job.description?.split("\n")[0]}</td>
                    <td>
                      <Tags tags={job.tags} most={3} />
                    </td>
                    <td className="num">
                      <Link
                        className="button small"
                        to="/jobs/$location/$job/launchpad"
                        params={{ location: id, job: job.name }}
                        aria-label={`launch ${job.name}`}
                      >
                        Launch…
                      </Link>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
