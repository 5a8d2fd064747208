import { useQuery } from "@tanstack/react-query";
import { address, ask } from "../../api/client";
import { Button, Command, ErrorCard, Skeleton, Tags, Traceback } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { ATTEMPT, STEP } from "../../ui/status";
import { Time } from "../../ui/Time";
import { duration } from "../../util/format";
import { PHASE_WORDS, phasesOf } from "./phases";
import { STEP_DETAIL, type StepDetailData } from "./queries";

type Props = {
  runId: string;
  stepKey: string;
  attempt: number | null;
  version: string;
  onAttempt: (number: number) => void;
  onClose: () => void;
};

/** The selected step: why it stands where it stands, its attempts, its error, its outputs, its pod. */
export function StepDetail({ runId, stepKey, attempt, version, onAttempt, onClose }: Props) {
  const { data, error, refetch } = useQuery({
    queryKey: ["step", runId, stepKey, version],
    queryFn: ({ signal }) => ask(STEP_DETAIL, { runId, stepKey }, signal),
    placeholderData: (before) => (before?.run?.step?.stepKey === stepKey ? before : undefined),
  });
  const step = data?.run?.step;
  return (
    <aside className="step-detail" aria-label={`step ${stepKey}`}>
      <div className="row">
        <h2 className="grow clip" title={stepKey}>
          {stepKey}
        </h2>
        <Button kind="quiet" onClick={onClose} label="close the step">
          ✕
        </Button>
      </div>
      {error && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton />}
      {step && <Content runId={runId} step={step} attempt={attempt} onAttempt={onAttempt} />}
    </aside>
  );
}

function Content({
  runId,
  step,
  attempt,
  onAttempt,
}: {
  runId: string;
  step: StepDetailData;
  attempt: number | null;
  onAttempt: (number: number) => void;
}) {
  const shown = step.attempts.find((each) => each.number === attempt) ?? step.attempts.at(-1);
  const reason = step.waitingMessage || step.waitingReason || step.message || step.reason;
  return (
    <>
      <div className="row">
        <StatusIcon look={STEP[step.status]} hasWord />
        {step.opName !== step.stepKey && <span className="muted">op {step.opName}</span>}
      </div>
      {reason && <p>{reason}</p>}
      {step.description && <p className="secondary">{step.description}</p>}
      {step.attempts.length > 1 && (
        <div className="row" role="group" aria-label="attempts">
          {step.attempts.map((each) => (
            <button
              type="button"
              key={each.number}
              className="button small"
              aria-pressed={each.number === shown?.number}
              onClick={() => onAttempt(each.number)}
            >
              <StatusIcon look={ATTEMPT[each.status]} /> attempt {each.number}
            </button>
          ))}
        </div>
      )}
      {shown?.outcome?.error && <Traceback error={shown.outcome.error} />}
      {shown?.outcome && !shown.outcome.error && shown.outcome.message && (
        <pre className="block">
          {shown.outcome.reason}: {shown.outcome.message}
        </pre>
      )}
      {shown && (
        <dl className="facts">
          {phasesOf(shown, Date.now()).map((phase) => (
            <div key={phase.name} style={{ display: "contents" }}>
              <dt>{PHASE_WORDS[phase.name]}</dt>
              <dd>
                {duration(phase.to - phase.from)}
                {phase.isOpen ? " so far" : ""}
              </dd>
            </div>
          ))}
          {shown.moments.running && (
            <>
              <dt>container started</dt>
              <dd>
                <Time at={shown.moments.running} />
              </dd>
            </>
          )}
          {shown.outcome && (
            <>
              <dt>ended</dt>
              <dd>
                <Time at={shown.outcome.timestamp} />
              </dd>
            </>
          )}
          {shown.outcome?.exitCode != null && (
            <>
              <dt>exit code</dt>
              <dd>{shown.outcome.exitCode}</dd>
            </>
          )}
          {shown.outcome && (
            <>
              <dt>told by</dt>
              <dd>{shown.outcome.source.toLowerCase().replaceAll("_", " ")}</dd>
            </>
          )}
          {step.upstreamKeys.length > 0 && (
            <>
              <dt>after</dt>
              <dd>{step.upstreamKeys.join(", ")}</dd>
            </>
          )}
        </dl>
      )}
      {shown?.outcome && shown.outcome.outputs.length > 0 && (
        <div>
          <h3>Outputs</h3>
          {shown.outcome.outputs.map((output) => (
            <div key={`${output.name}[${output.mappingKey}]`}>
              <a href={outputAddress(runId, step.stepKey, output)} download>
                {output.name}
                {output.mappingKey === null || output.mappingKey === undefined
                  ? ""
                  : `[${output.mappingKey}]`}
              </a>
            </div>
          ))}
        </div>
      )}
      {shown?.workerName && (
        <div>
          <h3>Worker</h3>
          <p className="mono">{shown.workerName}</p>
          {shown.workerName.startsWith("ow-") || shown.workerId?.includes("-") ? (
            <Command text={`kubectl describe pod ${shown.workerName}`} />
          ) : null}
        </div>
      )}
      {step.tags.length > 0 && <Tags tags={step.tags} />}
    </>
  );
}

function outputAddress(
  runId: string,
  stepKey: string,
  output: { name: string; mappingKey?: string | null },
): string {
  const path = `api/v1/runs/${runId}/outputs/${stepKey.split("/").map(encodeURIComponent).join("/")}/${encodeURIComponent(output.name)}`;
  return address(
    output.mappingKey == null ? path : `${path}?mapping_key=${encodeURIComponent(output.mappingKey)}`,
  );
}
