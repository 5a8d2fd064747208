import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { stringify } from "yaml";
import { graphql } from "../../api/__generated__";
import type {
  JobSelector,
  LaunchpadJobQuery,
  LaunchRunMutation,
  ValidateConfigQuery,
} from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { GraphCanvas } from "../../ui/GraphCanvas";
import { Button, CopyButton, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { useUrlState } from "../../ui/useSearch";
import { count } from "../../util/format";
import { parseLocationId } from "../../util/locations";
import { RUN_CONFIG } from "../run/queries";
import { parseConfig, rangeOf, type Schema } from "./configSchema";
import { type Draft, loadDrafts, newDraft, saveDrafts } from "./drafts";
import "./launchpad.css";
import { type Problem, YamlEditor } from "./YamlEditor";

const LAUNCHPAD_JOB = graphql(`
  query LaunchpadJob($namespace: String!, $location: String!, $job: String!) {
    location(namespace: $namespace, name: $location) {
      isServing
      job(name: $job) { name configSchema requiresConfig steps { stepKey opName upstreamKeys } }
    }
  }
`);
const VALIDATE = graphql(`
  query ValidateConfig($job: JobSelector!, $runConfig: JSON, $opSelection: [String!]) {
    validateRunConfig(job: $job, runConfig: $runConfig, opSelection: $opSelection) {
      __typename
      ... on RunConfigValid { stepKeys }
      ... on RunConfigInvalid { message errors { path message code } }
      ... on Error { message }
    }
  }
`);
const SCAFFOLD = graphql(`
  query ScaffoldConfig($job: JobSelector!, $includeDefaults: Boolean!) {
    scaffoldRunConfig(job: $job, includeDefaults: $includeDefaults) {
      __typename
      ... on RunConfigScaffold { yaml }
      ... on Error { message }
    }
  }
`);
const LAUNCH = graphql(`
  mutation LaunchRun($params: LaunchParams!) {
    launchRun(params: $params) {
      __typename
      ... on LaunchRunSuccess { run { runId } }
      ... on RunConfigInvalid { message errors { path message code } }
      ... on Error { message }
    }
  }
`);

type JobData = NonNullable<NonNullable<LaunchpadJobQuery["location"]>["job"]>;
type Validation = ValidateConfigQuery["validateRunConfig"];
type Refusal = LaunchRunMutation["launchRun"];

/** Where a run is prepared: its config with what the schema says, which ops, which tags; and launched. */
export function LaunchpadPage() {
  const { location = "", job = "" } = useParams({ strict: false });
  const { namespace, name } = parseLocationId(location);
  const [{ from }] = useUrlState();
  const { data, error, refetch } = useQuery({
    queryKey: ["launchpad", location, job],
    queryFn: ({ signal }) => ask(LAUNCHPAD_JOB, { namespace, location: name, job }, signal),
  });
  const origin = from?.startsWith("run:") ? from.slice(4) : "";
  const before = useQuery({
    queryKey: ["run-config", origin],
    queryFn: ({ signal }) => ask(RUN_CONFIG, { runId: origin }, signal),
    enabled: origin !== "",
  });
  const selector = useMemo<JobSelector>(
    () => ({ namespace, locationName: name, jobName: job }),
    [namespace, name, job],
  );
  const found = data?.location?.job;
  const isReady = found && (origin === "" || before.isFetched);
  return (
    <div className="launchpad">
      <div className="run-head">
        <div className="crumbs">
          <Link to="/jobs">Jobs</Link> /{" "}
          <Link to="/jobs/$location/$job" params={{ location, job }}>
            {job}
          </Link>{" "}
          / Launchpad
        </div>
        <h1>Launch {job}</h1>
      </div>
      {error && <ErrorCard error={error} retry={refetch} />}
      {!isReady &&
        !error &&
        (data && !found ? (
          <div className="page">
            <Empty title={`Location ${name} has no job ${job}`} />
          </div>
        ) : (
          <Skeleton height={400} />
        ))}
      {isReady && (
        <Workbench
          location={location}
          job={found}
          selector={selector}
          origin={origin}
          originText={before.data?.run ? stringify(before.data.run.runConfig) : ""}
        />
      )}
    </div>
  );
}

type WorkbenchProps = {
  location: string;
  job: JobData;
  selector: JobSelector;
  origin: string;
  originText: string;
};

function Workbench({ location, job, selector, origin, originText }: WorkbenchProps) {
  const [drafts, setDrafts] = useState<Draft[]>(() => {
    const stored = loadDrafts(location, job.name);
    if (origin && !stored.some((draft) => draft.origin === origin))
      return [...stored, newDraft(`from run ${origin.slice(0, 8)}`, originText, origin)];
    return stored.length ? stored : [newDraft("draft 1", "")];
  });
  const [shown, setShown] = useState(
    () => (origin && drafts.find((draft) => draft.origin === origin)?.id) || drafts.at(-1)?.id,
  );
  const draft = drafts.find((each) => each.id === shown) ?? drafts[0];
  const [docs, setDocs] = useState("");
  const [refusal, setRefusal] = useState<Refusal | Error | null>(null);
  const [isLaunching, setLaunching] = useState(false);
  const navigate = useNavigate();
  const queries = useQueryClient();
  useEffect(() => saveDrafts(location, job.name, drafts), [location, job.name, drafts]);
  const change = (changes: Partial<Draft>) => {
    setRefusal(null);
    setDrafts((before) => before.map((each) => (each.id === draft?.id ? { ...each, ...changes } : each)));
  };
  const { validation, parsed, isChecking } = useValidation(
    selector,
    draft?.text ?? "",
    draft?.selection ?? "",
  );
  const problems = useMemo(
    () => problemsOf(draft?.text ?? "", parsed.problems, validation),
    [draft?.text, parsed, validation],
  );
  const selected = validation?.__typename === "RunConfigValid" ? new Set(validation.stepKeys) : null;
  const tags = parseTags(draft?.tags ?? "");
  const cannot = parsed.problems.length
    ? "the text is no YAML yet"
    : tags.problem ||
      (validation && validation.__typename !== "RunConfigValid"
        ? "the problems below must be solved first"
        : isLaunching
          ? "it is being launched"
          : undefined);

  const scaffold = async (includeDefaults: boolean) => {
    const { scaffoldRunConfig: result } = await ask(SCAFFOLD, { job: selector, includeDefaults });
    if (result.__typename === "RunConfigScaffold") change({ text: result.yaml });
    else setRefusal(new Error(result.message));
  };
  const launch = async () => {
    if (cannot || !draft) return;
    setLaunching(true);
    try {
      const { launchRun: result } = await ask(LAUNCH, {
        params: {
          job: selector,
          runConfig: parsed.value,
          tags: tags.tags,
          opSelection: selectionOf(draft.selection),
          launchedBy: "the web UI",
          parentRunId: null,
        },
      });
      if (result.__typename === "LaunchRunSuccess") {
        queries.invalidateQueries({ queryKey: ["runs"] });
        navigate({ to: "/runs/$runId", params: { runId: result.run.runId } });
      } else setRefusal(result);
    } catch (error) {
      setRefusal(error as Error);
    }
    setLaunching(false);
  };
  const nodes = useMemo(
    () =>
      job.steps.map((step) => ({
        id: step.stepKey,
        upstream: step.upstreamKeys,
        label: step.stepKey,
        detail: selected && !selected.has(step.stepKey) ? "not selected" : "",
        family: null,
        isDimmed: selected !== null && !selected.has(step.stepKey),
      })),
    [job.steps, selected],
  );
  if (!draft) return null;
  const isChanged = draft.text !== draft.original;

  return (
    <>
      <div className="run-tools">
        <div className="tabs" role="tablist" aria-label="drafts">
          {drafts.map((each) => (
            <button
              type="button"
              role="tab"
              key={each.id}
              aria-selected={each.id === draft.id}
              onClick={() => setShown(each.id)}
            >
              {each.name}
              {each.text !== each.original ? " *" : ""}
            </button>
          ))}
        </div>
        <Button
          kind="quiet"
          label="new draft"
          onClick={() => {
            const made = newDraft(`draft ${drafts.length + 1}`, "");
            setDrafts([...drafts, made]);
            setShown(made.id);
          }}
        >
          +
        </Button>
        {drafts.length > 1 && (
          <Button
            kind="quiet"
            onClick={() => {
              const left = drafts.filter((each) => each.id !== draft.id);
              setDrafts(left);
              setShown(left.at(-1)?.id);
            }}
          >
            Close this draft
          </Button>
        )}
        <span className="grow" />
        {draft.origin && (
          <span className="secondary">
            from run{" "}
            <Link className="mono" to="/runs/$runId" params={{ runId: draft.origin }}>
              {draft.origin.slice(0, 8)}
            </Link>
            {isChanged ? ", changed" : ""}
          </span>
        )}
        {isChanged && draft.original && (
          <Button kind="quiet" onClick={() => change({ text: draft.original })}>
            Revert
          </Button>
        )}
      </div>
      <div className="launch-body">
        <div className="launch-left">
          <YamlEditor
            key={draft.id}
            text={draft.text}
            schema={job.configSchema as Schema}
            problems={problems}
            onChange={(text) => change({ text })}
            onLaunch={launch}
            onPlace={setDocs}
          />
          <Problems
            problems={problems}
            text={draft.text}
            validation={validation}
            isChecking={isChecking}
            refusal={refusal}
            steps={job.steps.length}
          />
        </div>
        <div className="launch-right">
          <label className="field">
            <span>
              Ops to run{" "}
              <span className="muted">
                empty: all; names, <code>*name+</code>, several with commas
              </span>
            </span>
            <input
              className="mono"
              value={draft.selection}
              placeholder="clean+, report"
              onChange={(event) => change({ selection: event.target.value })}
            />
          </label>
          <label className="field">
            <span>
              Tags <span className="muted">key=value, several with commas</span>
            </span>
            <input
              className="mono"
              value={draft.tags}
              placeholder="team=reporting"
              onChange={(event) => change({ tags: event.target.value })}
            />
          </label>
          <div className="launch-graph">
            <GraphCanvas nodes={nodes} selected={null} label="steps that would run" onSelect={() => {}} />
          </div>
          <div className="docs" role="note">
            {docs ? (
              <pre>{docs}</pre>
            ) : (
              <span className="muted">
                Docs of the field under the cursor. <kbd>Ctrl-Space</kbd> completes.
              </span>
            )}
          </div>
        </div>
      </div>
      <div className="run-tools launch-foot">
        <Button
          onClick={() => scaffold(false)}
          title="replaces the text by an example with every required field"
        >
          Scaffold required
        </Button>
        <Button
          onClick={() => scaffold(true)}
          title="replaces the text by an example with every field and its default"
        >
          Scaffold all
        </Button>
        <CopyButton text={draft.text} label="copy config" shown="copy config" />
        <CopyButton
          text={`opweave job launch ${job.name} --config run.yaml`}
          label="copy command"
          shown="copy command"
        />
        <span className="grow" />
        {typeof cannot === "string" && <span className="muted">{cannot}</span>}
        <Button kind="primary" onClick={launch} disabledReason={cannot || undefined}>
          Launch <kbd>Ctrl-Enter</kbd>
        </Button>
      </div>
    </>
  );
}

function Problems({
  problems,
  text,
  validation,
  isChecking,
  refusal,
  steps,
}: {
  problems: Problem[];
  text: string;
  validation: Validation | null;
  isChecking: boolean;
  refusal: Refusal | Error | null;
  steps: number;
}) {
  return (
    <section className="problems" aria-label="problems" aria-live="polite">
      {refusal && "message" in refusal && (
        <p className="error-text" role="alert">
          Not launched: {refusal.message}
        </p>
      )}
      {problems.map((problem) => (
        <p key={`${problem.from}${problem.message}`}>
          <code className="muted">{lineOf(text, problem.from)}</code>{" "}
          <span className="error-text">{problem.message}</span>
        </p>
      ))}
      {problems.length === 0 && validation?.__typename === "RunConfigValid" && (
        <p className="success">
          The config fits. {count(validation.stepKeys.length)} of {count(steps)} steps would run.
        </p>
      )}
      {problems.length === 0 &&
        validation &&
        validation.__typename !== "RunConfigValid" &&
        "message" in validation && <p className="error-text">{validation.message}</p>}
      {isChecking && <p className="muted">checking …</p>}
    </section>
  );
}

/** What the server says of the text, asked 200 ms after typing; an older answer never replaces a newer one. */
function useValidation(job: JobSelector, text: string, selection: string) {
  const parsed = useMemo(() => {
    try {
      return parseConfig(text);
    } catch (error) {
      return { value: null, problems: [{ from: 0, to: text.length, message: String(error) }] };
    }
  }, [text]);
  const [state, setState] = useState<{ key: string; result: Validation | null }>({ key: "", result: null });
  const key = JSON.stringify([job, text, selection]);
  useEffect(() => {
    if (parsed.problems.length) return;
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { validateRunConfig } = await ask(
          VALIDATE,
          { job, runConfig: parsed.value, opSelection: selectionOf(selection) },
          controller.signal,
        );
        setState({ key, result: validateRunConfig });
      } catch (error) {
        if (!controller.signal.aborted)
          setState({ key, result: { __typename: "InvalidLaunch", message: (error as Error).message } });
      }
    }, 200);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [key, job, parsed, selection]);
  const isFresh = state.key === key;
  return {
    parsed,
    validation: isFresh ? state.result : null,
    isChecking: !isFresh && parsed.problems.length === 0,
  };
}

function problemsOf(text: string, parsing: Problem[], validation: Validation | null): Problem[] {
  if (parsing.length) return parsing;
  if (validation?.__typename !== "RunConfigInvalid") return [];
  return validation.errors.map((error) => ({
    ...rangeOf(text, error.path),
    message: `${error.path.join(".")} ${error.message}`,
  }));
}

function selectionOf(text: string): string[] | null {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  return parts.length ? parts : null;
}

function parseTags(text: string): { tags: { key: string; value: string }[]; problem: string } {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
  const wrong = parts.find((part) => part.indexOf("=") < 1);
  if (wrong) return { tags: [], problem: `tag "${wrong}" needs a value: key=value` };
  return {
    tags: parts.map((part) => ({
      key: part.slice(0, part.indexOf("=")),
      value: part.slice(part.indexOf("=") + 1),
    })),
    problem: "",
  };
}

function lineOf(text: string, position: number): string {
  const lines = text.slice(0, position).split("\n");
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}
