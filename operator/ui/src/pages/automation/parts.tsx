/** What the list and the page of one schedule or sensor share. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../../api/client";
import { Button } from "../../ui/parts";
import { INSTIGATOR } from "../../ui/status";
import { cronWords } from "../../util/cron";
import { duration } from "../../util/format";
import { type InstigatorRowData, SET_RUNNING, selectorOf } from "./queries";

type Rhythm = Pick<InstigatorRowData, "kind" | "crons" | "timeZone" | "intervalSeconds">;

export function lookOf({ problem, isRunning }: Pick<InstigatorRowData, "problem" | "isRunning">) {
  if (problem) return INSTIGATOR.problem;
  return isRunning ? INSTIGATOR.running : INSTIGATOR.stopped;
}

/** When it ticks, in words; the tooltip gives the cron expressions. */
export function When({ of: { kind, crons, timeZone, intervalSeconds } }: { of: Rhythm }) {
  if (kind === "SENSOR")
    return <span>{intervalSeconds ? `every ${duration(intervalSeconds * 1000)}` : "–"}</span>;
  return (
    <span title={crons.join("; ")}>
      {crons.map(cronWords).join("; ")} {timeZone && <span className="muted">{timeZone}</span>}
    </span>
  );
}

/** Starts or stops it; where an object decides instead, the server's words say which. */
export function Toggle({ of: instigator }: { of: InstigatorRowData }) {
  const queries = useQueryClient();
  const [refusal, setRefusal] = useState("");
  const verb = instigator.isRunning ? "Stop" : "Start";
  const toggle = async () => {
    try {
      const { setInstigatorRunning: result } = await ask(SET_RUNNING, {
        instigator: selectorOf(instigator),
        isRunning: !instigator.isRunning,
      });
      setRefusal(result.__typename === "Instigator" ? "" : result.message);
      await queries.invalidateQueries({ queryKey: ["automation"] });
    } catch (error) {
      setRefusal((error as Error).message);
    }
  };
  return (
    <>
      <Button onClick={toggle} label={`${verb} ${instigator.name}`}>
        {verb}
      </Button>
      {refusal && (
        <div className="error-text" role="alert">
          {refusal}
        </div>
      )}
    </>
  );
}

/** Links to the runs that a tick requested. */
export function TickRuns({ runIds, runCount }: { runIds: string[]; runCount: number }) {
  return (
    <span className="row">
      {runIds.slice(0, 5).map((runId) => (
        <Link key={runId} className="mono" to="/runs/$runId" params={{ runId }} aria-label={`run ${runId}`}>
          {runId.slice(0, 8)}
        </Link>
      ))}
      {runCount > Math.min(5, runIds.length) && (
        <span className="muted">+{runCount - Math.min(5, runIds.length)}</span>
      )}
    </span>
  );
}
