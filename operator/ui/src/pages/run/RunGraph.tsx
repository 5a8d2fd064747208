import { useMemo } from "react";
import { GraphCanvas } from "../../ui/GraphCanvas";
import { STEP } from "../../ui/status";
import type { RunData, StepData } from "./queries";

type Props = {
  run: RunData;
  steps: StepData[];
  selected: string | null;
  onSelect: (stepKey: string | null) => void;
};

/** The steps of a run as a graph, each in the colour of its status; those that the filter leaves out are dimmed. */
export function RunGraph({ run, steps, selected, onSelect }: Props) {
  const nodes = useMemo(() => {
    const shown = new Set(steps.map((step) => step.stepKey));
    return run.steps.map((step) => ({
      id: step.stepKey,
      upstream: step.upstreamKeys,
      label: step.stepKey,
      detail: step.waitingMessage || step.waitingReason || STEP[step.status].word.toLowerCase(),
      family: STEP[step.status].family,
      isDimmed: !shown.has(step.stepKey),
    }));
  }, [run.steps, steps]);
  return <GraphCanvas nodes={nodes} selected={selected} label="steps" onSelect={onSelect} />;
}
