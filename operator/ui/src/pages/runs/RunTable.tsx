import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useKeys } from "../../ui/keys";
import { RunRow, type RunRowData } from "./RunRow";

/** Runs as a table; `j`, `k` and Enter walk it. */
export function RunTable({
  runs,
  selected,
  onSelect,
}: {
  runs: RunRowData[];
  selected?: Set<string>;
  onSelect?: (ids: string[], isSelected: boolean) => void;
}) {
  const [chosen, setChosen] = useState<string | null>(null);
  const navigate = useNavigate();
  const at = runs.findIndex((run) => run.runId === chosen);
  const move = (by: number) =>
    setChosen(runs[Math.max(0, Math.min(runs.length - 1, at + by))]?.runId ?? null);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => chosen && onSelect?.([chosen], !selected?.has(chosen)),
    Enter: () => {
      if (document.activeElement?.closest("a, button")) (document.activeElement as HTMLElement).click();
      else if (chosen) navigate({ to: "/runs/$runId", params: { runId: chosen } });
    },
  });
  const isAll = runs.length > 0 && runs.every((run) => selected?.has(run.runId));
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            {onSelect && (
              <th style={{ width: 28 }}>
                <input
                  type="checkbox"
                  className="box"
                  aria-label="select all runs of this page"
                  checked={isAll}
                  onChange={() =>
                    onSelect(
                      runs.map((run) => run.runId),
                      !isAll,
                    )
                  }
                />
              </th>
            )}
            <th>status</th>
            <th>run</th>
            <th>job</th>
            <th>why</th>
            <th>launched by</th>
            <th>created</th>
            <th className="num">ran</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow
              key={run.runId}
              run={run}
              isChosen={run.runId === chosen}
              isSelected={selected?.has(run.runId) ?? false}
              onSelect={onSelect ? (isSelected) => onSelect([run.runId], isSelected) : null}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}
