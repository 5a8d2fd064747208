import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ask } from "../../api/client";
import { Button, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { TICK } from "../../ui/status";
import { Duration, Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { plainText } from "../../util/ansi";
import { CursorOf } from "./Cursor";
import { lookOf, TickRuns, Toggle, When } from "./parts";
import { fromAddress, INSTIGATOR_DETAIL, type InstigatorData, type TickData } from "./queries";

/** One schedule or sensor: whether it ticks and when, then each tick with its reason and its runs. */
export function InstigatorPage() {
  const { kind = "", location = "", name = "" } = useParams({ strict: false });
  const [{ before }, setUrl] = useUrlState();
  const wanted = fromAddress(kind, location, name);
  const { data, error, refetch } = useQuery({
    queryKey: ["automation", kind, location, name, before],
    queryFn: ({ signal }) =>
      ask(
        INSTIGATOR_DETAIL,
        { kind: wanted.kind, namespace: wanted.namespace, name, before: before ?? null },
        signal,
      ),
    refetchInterval: 5_000,
    placeholderData: keepPreviousData,
  });
  const found = data?.instigators.find((each) => (each.locationName ?? null) === wanted.locationName);
  return (
    <div className="page">
      <div className="crumbs">
        <Link to="/automation">Automation</Link> / {wanted.locationName ?? wanted.namespace}
      </div>
      <div className="page-head">
        <h1>{name}</h1>
        <span className="grow" />
        {found && <Toggle of={found} />}
      </div>
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={300} />}
      {data && !found && (
        <Empty title={`There is no ${wanted.kind.toLowerCase()} ${name} here`}>
          It may have been renamed or removed from the code. <Link to="/automation">All that there are</Link>
        </Empty>
      )}
      {found && (
        <>
          <Facts instigator={found} />
          <h2>Ticks</h2>
          <Ticks instigator={found} />
          <div className="row">
            {before && <Button onClick={() => setUrl({ before: null }, true)}>Newest</Button>}
            {found.ticks.hasMore && (
              <Button onClick={() => setUrl({ before: found.ticks.endCursor ?? null }, true)}>Older</Button>
            )}
          </div>
        </>
      )}
    </div>
  );
}

function Facts({ instigator }: { instigator: InstigatorData }) {
  return (
    <>
      <div className="row">
        <StatusIcon look={lookOf(instigator)} hasWord />
        <When of={instigator} />
        {instigator.problem && <span className="error-text">{instigator.problem}</span>}
      </div>
      {instigator.description && (
        <p className="secondary" style={{ whiteSpace: "pre-line" }}>
          {instigator.description}
        </p>
      )}
      <dl className="facts">
        <dt>launches</dt>
        <dd>{instigator.jobResource ?? (instigator.jobNames.join(", ") || "no job")}</dd>
        {instigator.declaredAs && (
          <>
            <dt>declared as</dt>
            <dd>{instigator.declaredAs}: it decides whether this ticks</dd>
          </>
        )}
        {instigator.crons.length > 0 && (
          <>
            <dt>cron</dt>
            <dd className="mono">{instigator.crons.join("; ")}</dd>
            <dt>next ticks</dt>
            <dd>
              <span className="row">
                {instigator.nextTicks.map((at) => (
                  <Time key={at} at={at} />
                ))}
                {!instigator.isRunning && <span className="muted">if it ran</span>}
              </span>
            </dd>
          </>
        )}
        {instigator.kind === "SENSOR" && <CursorOf sensor={instigator} />}
      </dl>
    </>
  );
}

function Ticks({ instigator }: { instigator: InstigatorData }) {
  const { ticks } = instigator.ticks;
  if (ticks.length === 0)
    return (
      <Empty title="It was never evaluated">
        {instigator.isRunning ? "Its first tick appears here." : "It is stopped: start it, and it ticks."}
      </Empty>
    );
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>tick</th>
            <th>result</th>
            <th>took</th>
            <th>runs</th>
            <th>why</th>
          </tr>
        </thead>
        <tbody>
          {ticks.map((tick) => (
            <tr key={tick.timestamp}>
              <td>
                <Time at={tick.timestamp} />
              </td>
              <td>
                <StatusIcon look={TICK[tick.status]} hasWord />
              </td>
              <td>
                <Duration from={tick.startTime} to={tick.endTime} />
              </td>
              <td>
                <TickRuns runIds={tick.runIds} runCount={tick.runCount} />
              </td>
              <td>
                <Why tick={tick} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Why({ tick }: { tick: TickData }) {
  return (
    <>
      {tick.status === "SUCCESS" && tick.runCount === 0 && (
        <div className="secondary">No new run: all that it asked for had been launched before.</div>
      )}
      {tick.skipReason && <div className="secondary">{plainText(tick.skipReason)}</div>}
      {tick.error && <div className="error-text">{plainText(tick.error)}</div>}
      {tick.traceback && (
        <details>
          <summary>traceback</summary>
          <pre className="block">{plainText(tick.traceback)}</pre>
        </details>
      )}
      {tick.logs.length > 0 && (
        <details>
          <summary>log, {tick.logs.length} lines</summary>
          <pre className="block">
            {plainText(tick.logs.map((line) => `${line.level} ${line.message}`).join("\n"))}
          </pre>
        </details>
      )}
    </>
  );
}
