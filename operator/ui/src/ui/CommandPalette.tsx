import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { graphql } from "../api/__generated__";
import { ask } from "../api/client";
import { locationId } from "../util/locations";

const OBJECTS = graphql(`
  query PaletteObjects {
    jobs { name location { namespace name } }
    runs(first: 50) { runs { runId jobName status } }
  }
`);
const ONE_RUN = graphql(`
  query PaletteRun($runId: ID!) {
    run(runId: $runId) { runId jobName status }
  }
`);

type Entry = { kind: string; name: string; hint: string; to: string };

const PAGES: Entry[] = [
  { kind: "page", name: "Overview", hint: "", to: "/" },
  { kind: "page", name: "Runs", hint: "", to: "/runs" },
  { kind: "page", name: "Failed runs", hint: "", to: "/runs?q=status:failure" },
  { kind: "page", name: "Queued runs", hint: "", to: "/runs?q=status:queued" },
  { kind: "page", name: "Assets", hint: "", to: "/assets" },
  { kind: "page", name: "Jobs", hint: "", to: "/jobs" },
  { kind: "page", name: "Automation", hint: "schedules and sensors", to: "/automation" },
  { kind: "page", name: "Code locations", hint: "deployment", to: "/deployment/locations" },
  { kind: "page", name: "Queue", hint: "deployment", to: "/deployment/queue" },
  { kind: "page", name: "Instance settings", hint: "deployment", to: "/deployment/settings" },
  { kind: "page", name: "Settings", hint: "theme, time zone", to: "/settings" },
];

/** Everything that has a name, two keystrokes away. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const navigate = useNavigate();
  const dialog = useRef<HTMLDialogElement>(null);
  const { data } = useQuery({ queryKey: ["palette"], queryFn: ({ signal }) => ask(OBJECTS, {}, signal) });
  const asRunId = /^[0-9a-z]{6,26}$/i.test(text.trim()) ? text.trim().toLowerCase() : "";
  const one = useQuery({
    queryKey: ["palette-run", asRunId],
    queryFn: ({ signal }) => ask(ONE_RUN, { runId: asRunId }, signal),
    enabled: asRunId !== "",
    retry: false,
  });
  useEffect(() => dialog.current?.showModal(), []);

  const entries = useMemo(() => {
    const jobs = (data?.jobs ?? []).flatMap((job): Entry[] => {
      const path = `/jobs/${locationId(job.location)}/${encodeURIComponent(job.name)}`;
      return [
        { kind: "job", name: job.name, hint: job.location.name, to: path },
        { kind: "launch", name: `Launch ${job.name}`, hint: job.location.name, to: `${path}/launchpad` },
      ];
    });
    const exact = one.data?.run ? [one.data.run] : [];
    const runs = [...exact, ...(data?.runs.runs ?? []).filter((run) => run.runId !== exact[0]?.runId)].map(
      (run): Entry => ({
        kind: "run",
        name: run.runId,
        hint: `${run.jobName} · ${run.status.toLowerCase()}`,
        to: `/runs/${run.runId}`,
      }),
    );
    return [...PAGES, ...jobs, ...runs];
  }, [data, one.data]);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = entries
    .filter((entry) =>
      words.every((word) => `${entry.kind} ${entry.name} ${entry.hint}`.toLowerCase().includes(word)),
    )
    .slice(0, 40);
  const open = (entry: Entry | undefined) => {
    if (!entry) return;
    dialog.current?.close();
    const [to, query = ""] = entry.to.split("?");
    navigate({ to: to ?? "/", search: Object.fromEntries(new URLSearchParams(query)) });
  };

  return (
    <dialog ref={dialog} className="palette" aria-label="Search" onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={shown.length ? `palette-${chosen}` : undefined}
        aria-label="Search runs, jobs, locations and pages"
        placeholder="Search runs by id, jobs, pages …"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step) {
            event.preventDefault();
            setChosen((now) => Math.max(0, Math.min(shown.length - 1, now + step)));
          } else if (event.key === "Enter") open(shown[chosen]);
        }}
      />
      <div id="palette-list" role="listbox" aria-label="Results" tabIndex={-1}>
        {shown.map((entry, index) => (
          <div
            key={entry.to + entry.name}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onMouseMove={() => setChosen(index)}
            onClick={() => open(entry)}
            onKeyDown={() => {}}
          >
            <span className="muted kind">{entry.kind}</span>
            <span className="clip">{entry.name}</span>
            <span className="muted clip">{entry.hint}</span>
          </div>
        ))}
      </div>
      {shown.length === 0 && (
        <p className="muted pad">
          Nothing has that name. A run is found by the first 6 characters of its id.
        </p>
      )}
    </dialog>
  );
}
