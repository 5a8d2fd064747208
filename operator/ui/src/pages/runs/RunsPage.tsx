import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { RunStatus } from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { Button, Command, Dialog, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { RUN } from "../../ui/status";
import { useUrlState } from "../../ui/useSearch";
import { parseFilter, withTerm } from "../../util/filterText";
import { count } from "../../util/format";
import { RUNS, TERMINATE } from "./queries";
import type { RunRowData } from "./RunRow";
import { RunTable } from "./RunTable";
import { runFilter } from "./runFilter";

/** All runs, newest first, narrowed by the filter in the address. */
export function RunsPage() {
  const [{ q = "", after }, setUrl] = useUrlState();
  const { problems } = runFilter(q, Date.now());
  const { data, error, refetch } = useQuery({
    queryKey: ["runs", q, after],
    queryFn: ({ signal }) =>
      ask(RUNS, { filter: runFilter(q, Date.now()).filter, after: after ?? null }, signal),
    refetchInterval: 2_000,
    placeholderData: keepPreviousData,
  });
  const table = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<{ key: string; runs: RunRowData[] }>({ key: "", runs: [] });
  const [selected, setSelected] = useState(new Set<string>());
  const key = `${q}|${after ?? ""}`;
  const latest = data?.runs.runs;
  const known = new Set(shown.runs.map((run) => run.runId));
  const newer = latest && shown.key === key ? latest.filter((run) => !known.has(run.runId)).length : 0;
  useEffect(() => {
    if (!latest) return;
    // Rows do not move under the pointer: new ones wait, those that are shown are renewed in place.
    const isPointed = table.current?.matches(":hover") ?? false;
    setShown((before) => {
      if (before.key !== key || !isPointed) return { key, runs: latest };
      const byId = new Map(latest.map((run) => [run.runId, run]));
      return { key, runs: before.runs.map((run) => byId.get(run.runId) ?? run) };
    });
  }, [latest, key]);

  return (
    <div className="page">
      <div className="page-head">
        <h1>Runs</h1>
        <StatusCounts
          counts={data?.instance.runCounts ?? []}
          chosen={parseFilter(q)
            .terms.find((term) => term.field === "status")
            ?.value.toUpperCase()}
          onChoose={(status) => setUrl({ q: withTerm(q, "status", status), after: null }, true)}
        />
      </div>
      <FilterField value={q} onChange={(text) => setUrl({ q: text, after: null }, true)} />
      {problems.map((problem) => (
        <p key={problem} className="error-text">
          {problem}
        </p>
      ))}
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={400} />}
      {selected.size > 0 && (
        <BulkBar
          runs={shown.runs.filter((run) => selected.has(run.runId))}
          onDone={() => setSelected(new Set())}
        />
      )}
      <div ref={table}>
        {newer > 0 && (
          <Button kind="quiet" onClick={() => latest && setShown({ key, runs: latest })}>
            {newer} newer
          </Button>
        )}
        {shown.runs.length > 0 && (
          <RunTable
            runs={shown.runs}
            selected={selected}
            onSelect={(ids, isSelected) => {
              const next = new Set(selected);
              for (const id of ids) isSelected ? next.add(id) : next.delete(id);
              setSelected(next);
            }}
          />
        )}
      </div>
      {latest?.length === 0 && (
        <NoRuns
          isFiltered={q !== "" || Boolean(after)}
          clear={() => setUrl({ q: null, after: null }, true)}
        />
      )}
      <div className="row">
        {after && <Button onClick={() => setUrl({ after: null }, true)}>Newest</Button>}
        {data?.runs.hasMore && (
          <Button onClick={() => setUrl({ after: data.runs.endCursor ?? null }, true)}>Older</Button>
        )}
      </div>
    </div>
  );
}

function FilterField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <input
        className="grow mono"
        data-filter
        aria-label="Filter runs"
        placeholder="status:failure job:daily_report tag:team=a since:24h"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => text.trim() !== value && onChange(text.trim())}
      />
      {value && (
        <Button kind="quiet" onClick={() => onChange("")}>
          Clear
        </Button>
      )}
    </form>
  );
}

function StatusCounts({
  counts,
  chosen,
  onChoose,
}: {
  counts: { status: RunStatus; count: number }[];
  chosen: string | undefined;
  onChoose: (status: string | null) => void;
}) {
  return (
    <div className="counts">
      {counts
        .filter((each) => each.count > 0)
        .map((each) => (
          <button
            type="button"
            key={each.status}
            className="button small"
            aria-pressed={chosen === each.status}
            onClick={() => onChoose(chosen === each.status ? null : each.status.toLowerCase())}
          >
            <StatusIcon look={RUN[each.status]} hasWord /> {count(each.count)}
          </button>
        ))}
    </div>
  );
}

function NoRuns({ isFiltered, clear }: { isFiltered: boolean; clear: () => void }) {
  if (isFiltered) {
    return (
      <Empty title="No run fits the filter">
        <Button onClick={clear}>Show all runs</Button>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing has run yet">
      Launch a job from its page under Jobs, or from a terminal:{" "}
      <Command text="opweave job launch JOB --follow" />
    </Empty>
  );
}

/** What can be done with the selected runs; each run's result is shown. */
function BulkBar({ runs, onDone }: { runs: RunRowData[]; onDone: () => void }) {
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const [results, setResults] = useState<Record<string, string>>({});
  const able = runs.filter((run) => run.canTerminate);
  const terminate = async () => {
    for (const run of able) {
      try {
        const { terminateRun: result } = await ask(TERMINATE, { runId: run.runId });
        const text = result.__typename === "TerminateRunSuccess" ? "will end" : result.message;
        setResults((before) => ({ ...before, [run.runId]: text }));
      } catch (error) {
        setResults((before) => ({ ...before, [run.runId]: String(error) }));
      }
    }
    queries.invalidateQueries({ queryKey: ["runs"] });
  };
  return (
    <div className="row card">
      <strong>{runs.length} selected</strong>
      <Button
        kind="danger"
        onClick={() => setAsking(true)}
        disabledReason={able.length ? undefined : "none of them can be terminated: they have ended"}
      >
        Terminate {able.length || ""}
      </Button>
      <Button kind="quiet" onClick={onDone}>
        Clear the selection
      </Button>
      {isAsking && (
        <Dialog
          title={`Terminate ${able.length} runs?`}
          onClose={() => {
            setAsking(false);
          }}
        >
          <ul>
            {able.map((run) => (
              <li key={run.runId}>
                <code>{run.runId}</code> {run.jobName}{" "}
                {results[run.runId] && <strong>{results[run.runId]}</strong>}
              </li>
            ))}
          </ul>
          <div className="row">
            {Object.keys(results).length === 0 && (
              <Button kind="danger" onClick={terminate}>
                Terminate
              </Button>
            )}
            <Button
              onClick={() => {
                setAsking(false);
                if (Object.keys(results).length) onDone();
              }}
            >
              Close
            </Button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
