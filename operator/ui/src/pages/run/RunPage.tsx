import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { ask } from "../../api/client";
import { useKeys } from "../../ui/keys";
import { useNow } from "../../ui/now";
import { Button, Command, CopyButton, Dialog, Empty, ErrorCard, Skeleton, Tags } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { RUN } from "../../ui/status";
import { Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { count, duration } from "../../util/format";
import { locationId } from "../../util/locations";
import { TERMINATE } from "../runs/queries";
import { ConfigPane } from "./ConfigPane";
import { EventsPane } from "./EventsPane";
import { EventStore, serverSource } from "./eventStore";
import { Gantt } from "./Gantt";
import { LogPane } from "./LogPane";
import { criticalPath, PHASE_WORDS } from "./phases";
import { RUN_DETAIL, type RunData } from "./queries";
import { ReexecuteFromFailure } from "./Reexecute";
import { RunGraph } from "./RunGraph";
import { StepDetail } from "./StepDetail";
import { sentence } from "./sentence";

/** One run: what happened, why, what can be done. */
export function RunPage() {
  const { runId = "" } = useParams({ strict: false });
  const { data, error, refetch } = useQuery({
    queryKey: ["run", runId],
    queryFn: ({ signal }) => ask(RUN_DETAIL, { runId }, signal),
    // The log tells of changes at once; this is for what changes without an event, as why a step waits.
    refetchInterval: (query) =>
      query.state.data?.run?.isFinished
        ? false
        : (query.state.data?.run?.steps.length ?? 0) > 500
          ? 4_000
          : 2_000,
  });
  if (error && !data)
    return (
      <div className="page">
        <ErrorCard error={error} retry={refetch} />
      </div>
    );
  if (!data)
    return (
      <div className="page">
        <Skeleton height={500} />
      </div>
    );
  if (!data.run) {
    return (
      <div className="page">
        <Empty title={`There is no run ${runId}`}>
          It may have been deleted, or be of another instance. <Link to="/runs">All runs</Link>
        </Empty>
      </div>
    );
  }
  return <Loaded key={data.run.runId} run={data.run} />;
}

/** The log of the run, live as long as the page is open and the run goes on. */
function useEventStore(run: RunData): EventStore {
  const [store] = useState(() => new EventStore(serverSource(run.runId)));
  const queries = useQueryClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the store begins with the first snapshot and goes on by itself
  useEffect(() => {
    store.start(run.eventCount, run.isFinished);
    return () => store.stop();
  }, [store]);
  useEffect(() => {
    let seen = store.total;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const renew = () => {
      if (store.total === seen && store.state !== "ended") return;
      seen = store.total;
      timer ??= setTimeout(
        () => {
          timer = undefined;
          queries.invalidateQueries({ queryKey: ["run", run.runId] });
        },
        run.steps.length > 500 ? 1_000 : 250,
      );
    };
    const stop = run.isFinished ? () => {} : store.subscribe(renew);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [store, queries, run.runId, run.isFinished, run.steps.length]);
  return store;
}

function Loaded({ run }: { run: RunData }) {
  const [url, setUrl] = useUrlState();
  const store = useEventStore(run);
  const liveState = useSyncExternalStore(store.subscribe, () => store.state);
  const eventCount = useSyncExternalStore(store.subscribe, () => store.total);
  const stepKey = run.steps.some((step) => step.stepKey === url.step) ? (url.step ?? null) : null;
  const step = run.steps.find((each) => each.stepKey === stepKey);
  const filter = (url.steps ?? "").toLowerCase();
  const isHiding = url.hide === "success";
  const steps = useMemo(
    () =>
      run.steps.filter(
        (each) =>
          (!filter || each.stepKey.toLowerCase().includes(filter)) &&
          !(isHiding && each.status === "SUCCESS"),
      ),
    [run.steps, filter, isHiding],
  );
  const { keys, spent } = useMemo(() => criticalPath(run, Date.now()), [run]);
  const critical = useMemo(() => new Set(url.critical === "on" ? keys : []), [keys, url.critical]);
  const attempt = url.attempt ? Number(url.attempt) : null;
  const shownAttempt = step?.attempts.find((each) => each.number === attempt) ?? step?.attempts.at(-1);
  const pane = url.pane ?? "events";
  const select = (key: string | null) => setUrl({ step: key, attempt: null });
  const firstFailed = run.steps.find((each) => each.status === "FAILURE");
  useKeys({ Escape: () => select(null) });

  return (
    <div className="run-page">
      <Head
        run={run}
        liveState={liveState}
        firstFailed={firstFailed?.stepKey}
        onJump={() => firstFailed && select(firstFailed.stepKey)}
      />
      <div className="run-tools">
        <button
          type="button"
          className="button"
          aria-pressed={url.view !== "graph"}
          onClick={() => setUrl({ view: null }, true)}
        >
          Gantt
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={url.view === "graph"}
          onClick={() => setUrl({ view: "graph" }, true)}
        >
          Graph
        </button>
        <input
          aria-label="Filter steps"
          placeholder="filter steps"
          value={url.steps ?? ""}
          onChange={(event) => setUrl({ steps: event.target.value })}
        />
        <span className="muted">
          {steps.length === run.steps.length
            ? `${count(steps.length)} steps`
            : `${count(steps.length)} of ${count(run.steps.length)} steps`}
        </span>
        <label className="row">
          <input
            type="checkbox"
            className="box"
            checked={isHiding}
            onChange={(event) => setUrl({ hide: event.target.checked ? "success" : null })}
          />{" "}
          hide succeeded
        </label>
        <label className="row">
          <input
            type="checkbox"
            className="box"
            checked={url.critical === "on"}
            onChange={(event) => setUrl({ critical: event.target.checked ? "on" : null })}
          />{" "}
          critical path
        </label>
        <span className="grow" />
        <Legend />
      </div>
      {url.critical === "on" && (
        <p className="run-tools secondary">
          Where the time went:{" "}
          {[...spent]
            .filter(([, milliseconds]) => milliseconds >= 1)
            .sort((a, b) => b[1] - a[1])
            .map(
              ([name, milliseconds]) =>
                `${name === "queued" ? "queued" : PHASE_WORDS[name]} ${duration(milliseconds)}`,
            )
            .join(" · ")}
        </p>
      )}
      <div className="run-upper">
        {run.steps.length > 0 ? (
          url.view === "graph" ? (
            <RunGraph run={run} steps={steps} selected={stepKey} onSelect={select} />
          ) : (
            <Gantt run={run} steps={steps} selected={stepKey} critical={critical} onSelect={select} />
          )
        ) : (
          <Empty title="No steps yet">They appear when the run has its plan.</Empty>
        )}
        {stepKey && (
          <StepDetail
            runId={run.runId}
            stepKey={stepKey}
            attempt={attempt}
            version={`${step?.status}${step?.attempts.length}${shownAttempt?.status}${step?.waitingMessage}`}
            onAttempt={(number) => setUrl({ attempt: String(number) })}
            onClose={() => select(null)}
          />
        )}
      </div>
      <div className="run-lower">
        <div className="tabs" role="tablist" aria-label="details of the run">
          {[
            ["events", `Events ${count(eventCount)}`],
            ["stdout", "stdout"],
            ["stderr", "stderr"],
            ["config", "Config and tags"],
          ].map(([name, title]) => (
            <button
              type="button"
              role="tab"
              key={name}
              aria-selected={pane === name}
              onClick={() => setUrl({ pane: name === "events" ? null : (name ?? null) })}
            >
              {title}
            </button>
          ))}
        </div>
        {pane === "config" && <ConfigPane run={run} />}
        {(pane === "stdout" || pane === "stderr") &&
          (step && shownAttempt ? (
            <LogPane
              runId={run.runId}
              stepKey={step.stepKey}
              attempt={shownAttempt.number}
              stream={pane === "stdout" ? "STDOUT" : "STDERR"}
              isEnded={shownAttempt.outcome != null}
            />
          ) : (
            <ChooseStep run={run} onSelect={select} />
          ))}
        {pane === "events" && <EventsPane runId={run.runId} store={store} stepKey={stepKey} />}
      </div>
    </div>
  );
}

function ChooseStep({ run, onSelect }: { run: RunData; onSelect: (key: string) => void }) {
  const ran = run.steps.filter((step) => step.attempts.length > 0).slice(0, 12);
  if (ran.length === 0)
    return <Empty title="No step has started">Output appears here as soon as one has.</Empty>;
  return (
    <Empty title="Whose output?">
      <div className="row">
        {ran.map((step) => (
          <Button key={step.stepKey} onClick={() => onSelect(step.stepKey)}>
            {step.stepKey}
          </Button>
        ))}
      </div>
    </Empty>
  );
}

function Head({
  run,
  liveState,
  firstFailed,
  onJump,
}: {
  run: RunData;
  liveState: string;
  firstFailed: string | undefined;
  onJump: () => void;
}) {
  const now = useNow(!run.isFinished);
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const cannot = run.canTerminate
    ? undefined
    : run.isFinished
      ? `it has ended: ${RUN[run.status].word.toLowerCase()}`
      : "it has been asked to end already";
  const again = () =>
    navigate({
      to: "/jobs/$location/$job/launchpad",
      params: { location: locationId(run.location), job: run.jobName },
      search: { from: `run:${run.runId}` },
    });
  useKeys({ r: again, "Shift-T": () => !cannot && setAsking(true) });
  return (
    <div className="run-head">
      <div className="crumbs row">
        <Link to="/runs">Runs</Link> /{" "}
        <Link to="/runs" search={{ q: `job:${run.jobName}` }}>
          {run.jobName}
        </Link>
        <span className="grow" />
        {!run.isFinished && (
          <span className={`dot is-${liveState}`} role="status">
            {liveState}
          </span>
        )}
      </div>
      <div className="page-head">
        <StatusIcon look={RUN[run.status]} hasWord />
        <h1 className="mono clip">{run.runId}</h1>
        <CopyButton text={run.runId} label="copy the run's id" />
        <span className="grow" />
        {firstFailed && <Button onClick={onJump}>Jump to error</Button>}
        {run.status === "FAILURE" && <ReexecuteFromFailure run={run} />}
        <Button onClick={again}>Launch again…</Button>
        <Button kind="danger" onClick={() => setAsking(true)} disabledReason={cannot}>
          Terminate
        </Button>
      </div>
      <p className={`run-sentence ${run.status === "FAILURE" ? "error-text" : ""}`}>{sentence(run, now)}</p>
      <div className="row secondary">
        <span>
          <Link to="/jobs/$location/$job" params={{ location: locationId(run.location), job: run.jobName }}>
            {run.jobName}
          </Link>{" "}
          in {run.location.name}
          {run.image && <span className="mono muted"> {run.image}</span>}
        </span>
        <span>by {run.launchedBy}</span>
        <span>
          <Time at={run.creationTime} />
        </span>
        {run.parentRunId && (
          <Link to="/runs/$runId" params={{ runId: run.parentRunId }}>
            parent run
          </Link>
        )}
        <Tags tags={run.tags} most={6} />
      </div>
      {isAsking && <TerminateDialog run={run} onClose={() => setAsking(false)} />}
    </div>
  );
}

function TerminateDialog({ run, onClose }: { run: RunData; onClose: () => void }) {
  const queries = useQueryClient();
  const [result, setResult] = useState("");
  const terminate = async () => {
    try {
      const { terminateRun } = await ask(TERMINATE, { runId: run.runId });
      if (terminateRun.__typename === "TerminateRunSuccess") {
        queries.invalidateQueries({ queryKey: ["run", run.runId] });
        onClose();
      } else setResult(terminateRun.message);
    } catch (error) {
      setResult((error as Error).message);
    }
  };
  const active = run.steps.filter((step) => step.status === "RUNNING" || step.status === "STARTING");
  return (
    <Dialog title="Terminate this run?" onClose={onClose}>
      <p>
        {active.length
          ? `${count(active.length)} steps are stopped: ${active
              .slice(0, 5)
              .map((step) => step.stepKey)
              .join(", ")}${active.length > 5 ? " …" : ""}.`
          : "Nothing of it runs at the moment."}{" "}
        Steps that have ended keep their outputs; the others do not start.
      </p>
      <p className="secondary">
        The same from a terminal: <Command text={`opweave run terminate ${run.runId}`} />
      </p>
      {result && (
        <p className="error-text" role="alert">
          {result}
        </p>
      )}
      <div className="row">
        <Button kind="danger" onClick={terminate}>
          Terminate
        </Button>
        <Button onClick={onClose}>Let it run</Button>
      </div>
    </Dialog>
  );
}

function Legend() {
  return (
    <span className="legend" aria-hidden>
      <span>
        <i className="phase slot" />
        slot
      </span>
      <span>
        <i className="phase pending" />
        pod pending
      </span>
      <span>
        <i className="phase starting" />
        starting
      </span>
      <span>
        <i className="phase running active" />
        running
      </span>
      <span>
        <i className="phase storing success" />
        storing
      </span>
    </span>
  );
}
