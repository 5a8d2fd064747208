import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../../api/client";
import { Command, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { TICK } from "../../ui/status";
import { Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { plainText } from "../../util/ansi";
import { lookOf, TickRuns, Toggle, When } from "./parts";
import { addressOf, INSTIGATORS, type InstigatorRowData } from "./queries";

/** Every schedule and sensor: whether it ticks, when next, and what came of the last tick. */
export function AutomationPage() {
  const [{ q = "" }, setUrl] = useUrlState();
  const [text, setText] = useState(q);
  const { data, error, refetch } = useQuery({
    queryKey: ["automation", "all"],
    queryFn: ({ signal }) => ask(INSTIGATORS, {}, signal),
    refetchInterval: 5_000,
  });
  const shown =
    data?.instigators.filter((each) =>
      [each.kind, each.name, each.locationName, ...each.jobNames]
        .join(" ")
        .toLowerCase()
        .includes(text.toLowerCase()),
    ) ?? [];
  return (
    <div className="page">
      <h1>Automation</h1>
      <input
        data-filter
        aria-label="Filter schedules and sensors"
        placeholder="filter by name, job or location"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setUrl({ q: event.target.value });
        }}
      />
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={300} />}
      {data?.instigators.length === 0 && (
        <Empty title="Nothing launches runs by itself yet">
          Write a <code>@schedule</code> or a <code>@sensor</code> and add it to your <code>Definitions</code>
          , or declare a Schedule as an object. If you have, see under{" "}
          <Link to="/deployment/$view" params={{ view: "locations" }}>
            Code locations
          </Link>{" "}
          whether your code loads. <Command text="opweave location list" />
        </Empty>
      )}
      {data && data.instigators.length > 0 && shown.length === 0 && (
        <Empty title="No schedule or sensor has that name" />
      )}
      {shown.length > 0 && (
        <div className="scroll-x">
          <table className="list">
            <thead>
              <tr>
                <th>name</th>
                <th>state</th>
                <th>launches</th>
                <th>when</th>
                <th>next tick</th>
                <th>last tick</th>
                <th>
                  <span className="visually-hidden">actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((each) => (
                <Row key={Object.values(addressOf(each)).join("/")} instigator={each} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Row({ instigator }: { instigator: InstigatorRowData }) {
  const last = instigator.ticks.ticks[0];
  return (
    <tr>
      <td>
        <Link to="/automation/$kind/$location/$name" params={addressOf(instigator)}>
          {instigator.name}
        </Link>
        <div className="muted">
          {instigator.kind.toLowerCase()} · {instigator.locationName ?? instigator.namespace}
        </div>
      </td>
      <td className="why">
        <StatusIcon look={lookOf(instigator)} hasWord />
        {instigator.problem && <div className="secondary">{instigator.problem}</div>}
      </td>
      <td className="secondary">{instigator.jobResource ?? instigator.jobNames.join(", ")}</td>
      <td>
        <When of={instigator} />
      </td>
      <td>
        {instigator.isRunning ? <Time at={instigator.nextTicks[0]} /> : <span className="muted">–</span>}
      </td>
      <td className="why">
        {last ? (
          <>
            <span className="row">
              <StatusIcon look={TICK[last.status]} hasWord /> <Time at={last.timestamp} />
              <TickRuns runIds={last.runIds} runCount={last.runCount} />
            </span>
            <div className="secondary">{plainText(last.error || last.skipReason)}</div>
          </>
        ) : (
          <span className="muted">never evaluated</span>
        )}
      </td>
      <td className="num">
        <Toggle of={instigator} />
      </td>
    </tr>
  );
}
