import { Link } from "@tanstack/react-router";
import type { RunsQuery } from "../../api/__generated__/graphql";
import { Tags } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { RUN } from "../../ui/status";
import { Duration, Time } from "../../ui/Time";
import { locationId } from "../../util/locations";

export type RunRowData = RunsQuery["runs"]["runs"][number];

/** One run: what it is, how it stands, and why. */
export function RunRow({
  run,
  isChosen,
  isSelected,
  onSelect,
}: {
  run: RunRowData;
  isChosen: boolean;
  isSelected: boolean;
  onSelect: ((isSelected: boolean) => void) | null;
}) {
  return (
    <tr className={isChosen || isSelected ? "selected" : undefined}>
      {onSelect && (
        <td>
          <input
            type="checkbox"
            className="box"
            aria-label={`select run ${run.runId}`}
            checked={isSelected}
            onChange={(event) => onSelect(event.target.checked)}
          />
        </td>
      )}
      <td>
        <StatusIcon look={RUN[run.status]} hasWord />
      </td>
      <td>
        <Link to="/runs/$runId" params={{ runId: run.runId }} className="mono" data-row>
          {run.runId.slice(0, 10)}…{run.runId.slice(-4)}
        </Link>
      </td>
      <td>
        <Link to="/jobs/$location/$job" params={{ location: locationId(run.location), job: run.jobName }}>
          {run.jobName}
        </Link>{" "}
        <span className="muted">{run.location.name}</span>
        <div>
          <Tags tags={run.tags.filter((tag) => !tag.key.startsWith("opweave/"))} most={3} />
        </div>
      </td>
      <td className="why">{whyOf(run)}</td>
      <td className="secondary">{run.launchedBy}</td>
      <td>
        <Time at={run.creationTime} />
      </td>
      <td className="num">
        <Duration from={run.startTime} to={run.endTime} />
      </td>
    </tr>
  );
}

/** Why a run stands where it stands, in a line. */
function whyOf(run: RunRowData) {
  if (run.status === "FAILURE") return <span className="error-text">{run.message || run.reason}</span>;
  if (run.status === "QUEUED")
    return <span className="secondary">{run.queuedReason || "waits for the queue"}</span>;
  return <span className="secondary">{run.message || run.reason}</span>;
}
