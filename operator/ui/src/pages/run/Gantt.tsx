import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { useNow } from "../../ui/now";
import { StatusIcon } from "../../ui/StatusIcon";
import { STEP } from "../../ui/status";
import { duration } from "../../util/format";
import "./gantt.css";
import { PHASE_WORDS, type Phase, stepPhases, total } from "./phases";
import type { RunData, StepData } from "./queries";
import { stepSentence } from "./sentence";

const ROW = 24;

export type GanttProps = {
  run: RunData;
  steps: StepData[];
  selected: string | null;
  critical: Set<string>;
  onSelect: (stepKey: string | null) => void;
};

/**
 * The steps of a run over time. Only the rows in view exist, as elements: a few dozen of them cost less than a canvas and its
 * accessible twin, and their texts can be selected and read aloud.
 */
export function Gantt({ run, steps, selected, critical, onSelect }: GanttProps) {
  const now = useNow(!run.isFinished);
  const scroller = useRef<HTMLDivElement>(null);
  const start = Date.parse(run.creationTime);
  const end = Math.max(start + 1000, run.endTime ? Date.parse(run.endTime) : now);
  const rows = useVirtualizer({
    count: steps.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const marks = useMemo(() => axis(end - start), [end, start]);
  return (
    <div className="gantt">
      <div className="gantt-row gantt-head" aria-hidden>
        <span className="gantt-name">step</span>
        <span className="gantt-track">
          {marks.map((mark) => (
            <span key={mark} className="gantt-mark" style={{ left: `${(mark / (end - start)) * 100}%` }}>
              {mark === 0 ? "0" : duration(mark)}
            </span>
          ))}
        </span>
        <span className="gantt-number">waited</span>
        <span className="gantt-number">ran</span>
      </div>
      <div
        ref={scroller}
        className="gantt-body"
        role="listbox"
        aria-label={`${steps.length} steps`}
        tabIndex={0}
        onKeyDown={(event) => {
          const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (event.key === "Escape") onSelect(null);
          if (!by) return;
          event.preventDefault();
          const at = steps.findIndex((step) => step.stepKey === selected);
          const next = Math.max(0, Math.min(steps.length - 1, at + by));
          rows.scrollToIndex(next);
          onSelect(steps[next]?.stepKey ?? null);
        }}
      >
        <div style={{ height: rows.getTotalSize(), position: "relative" }} role="presentation">
          {rows.getVirtualItems().map((item) => {
            const step = steps[item.index];
            if (!step) return null;
            return (
              <Row
                key={step.stepKey}
                step={step}
                top={item.start}
                start={start}
                end={end}
                now={now}
                index={item.index}
                size={steps.length}
                isSelected={step.stepKey === selected}
                isCritical={critical.has(step.stepKey)}
                onSelect={() => onSelect(step.stepKey === selected ? null : step.stepKey)}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

type RowProps = {
  step: StepData;
  top: number;
  start: number;
  end: number;
  now: number;
  index: number;
  size: number;
  isSelected: boolean;
  isCritical: boolean;
  onSelect: () => void;
};

function Row({ step, top, start, end, now, index, size, isSelected, isCritical, onSelect }: RowProps) {
  const phases = stepPhases(step, now);
  const ran = total(phases, ["running", "storing"]);
  const waited = total(phases, ["slot", "pending", "starting", "retry"]);
  const place = (phase: Phase) => ({
    left: `${((phase.from - start) / (end - start)) * 100}%`,
    width: `max(2px, ${((phase.to - phase.from) / (end - start)) * 100}%)`,
  });
  const last = phases.at(-1);
  const reason = step.waitingMessage || step.waitingReason;
  return (
    <div
      className={`gantt-row ${isSelected ? "selected" : ""}`}
      style={{ top, height: ROW }}
      role="option"
      aria-selected={isSelected}
      aria-posinset={index + 1}
      aria-setsize={size}
      aria-label={stepSentence(step, ran, waited)}
      tabIndex={-1}
      onClick={onSelect}
      onKeyDown={() => {}}
    >
      <span className="gantt-name clip" title={step.stepKey}>
        <StatusIcon look={STEP[step.status]} />
        <span className="clip">{step.stepKey}</span>
        {step.attempts.length > 1 && <span className="muted">×{step.attempts.length}</span>}
      </span>
      <span className={`gantt-track ${isCritical ? "critical" : ""}`}>
        {phases.map((phase) => (
          <span
            key={`${phase.name}${phase.from}`}
            className={`phase ${phase.name} ${phase.family}`}
            style={place(phase)}
            title={`${PHASE_WORDS[phase.name]} ${duration(phase.to - phase.from)}`}
          />
        ))}
        {reason && last?.isOpen !== false && (
          <span className="gantt-reason" title={reason}>
            {reason}
          </span>
        )}
      </span>
      <span className="gantt-number">{waited > 0 ? duration(waited) : ""}</span>
      <span className="gantt-number">{ran > 0 ? duration(ran) : ""}</span>
    </div>
  );
}

/** Round distances from the beginning, at most seven. */
function axis(span: number): number[] {
  const steps = [
    100, 250, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
    3_600_000, 7_200_000, 21_600_000, 86_400_000,
  ];
  const step = steps.find((each) => span / each <= 6) ?? 7 * 86_400_000;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}
