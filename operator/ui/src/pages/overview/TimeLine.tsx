import { Link } from "@tanstack/react-router";
import { useNow } from "../../ui/now";
import { usePrefs, zoneOf } from "../../ui/prefs";
import { StatusIcon } from "../../ui/StatusIcon";
import { RUN } from "../../ui/status";
import { duration, moment } from "../../util/format";
import { locationId } from "../../util/locations";
import type { OverviewRun } from "./OverviewPage";
import { ticks } from "./ticks";

/** One lane per job, troubled ones first. */
export function TimeLine({ runs, range }: { runs: OverviewRun[]; range: number }) {
  const now = useNow();
  const zone = zoneOf(usePrefs());
  const start = now - range;
  const share = (at: number) => ((at - start) / range) * 96; // the last 4 % are the near future
  const lanes = new Map<string, OverviewRun[]>();
  for (const run of runs) {
    const key = `${locationId(run.location)}/${run.jobName}`;
    lanes.set(key, [...(lanes.get(key) ?? []), run]);
  }
  const rank = (lane: OverviewRun[]) =>
    ({ FAILURE: 0, STARTED: 1, STARTING: 1, QUEUED: 1 })[lane[0]?.status as string] ?? 2;
  const ordered = [...lanes].sort(([a, x], [b, y]) => rank(x) - rank(y) || a.localeCompare(b));
  if (ordered.length === 0) return <p className="secondary">Nothing ran in this range.</p>;
  return (
    <div className="timeline">
      <div className="lane axis" aria-hidden>
        <div className="lane-name" />
        <div className="lane-track">
          {ticks(start, now, zone).map((tick) => (
            <span key={tick.at} className="tick" style={{ left: `${share(tick.at)}%` }}>
              {tick.label}
            </span>
          ))}
        </div>
      </div>
      {ordered.map(([key, lane]) => (
        <div className="lane" key={key}>
          <div className="lane-name clip">
            {lane[0] && <StatusIcon look={RUN[lane[0].status]} />}
            <Link
              to="/jobs/$location/$job"
              params={{
                location: locationId((lane[0] as OverviewRun).location),
                job: (lane[0] as OverviewRun).jobName,
              }}
            >
              {lane[0]?.jobName}
            </Link>
            <span className="muted">{lane[0]?.location.name}</span>
          </div>
          <div className="lane-track">
            {lane.map((run) => {
              const from = Date.parse(run.creationTime);
              const to = run.endTime ? Date.parse(run.endTime) : now;
              const text = `${RUN[run.status].word}, ${moment(new Date(from), new Date(now), zone)}, ${duration(to - from)}`;
              return (
                <Link
                  key={run.runId}
                  to="/runs/$runId"
                  params={{ runId: run.runId }}
                  className={`bar ${RUN[run.status].family}`}
                  title={text}
                  aria-label={`run of ${run.jobName}: ${text}`}
                  tabIndex={-1}
                  style={{ left: `${share(from)}%`, width: `max(4px, ${share(to) - share(from)}%)` }}
                />
              );
            })}
            <span className="now" style={{ left: "96%" }} aria-hidden />
          </div>
        </div>
      ))}
    </div>
  );
}
