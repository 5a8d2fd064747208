import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ask } from "../../api/client";
import { Metadata, metadataOf } from "../../ui/Metadata";
import { Button, Empty, ErrorCard, Skeleton, Tags } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { CHECK } from "../../ui/status";
import { Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { Materialize } from "./Materialize";
import { AssetLink, RunLink, Standing } from "./parts";
import { ASSET, type AssetData, type EntryData } from "./queries";

/** One asset: how it stands and why, its newest value, what it is made of and made into, and its history. */
export function AssetPage() {
  const { _splat: key = "" } = useParams({ strict: false });
  const [{ before }, setUrl] = useUrlState();
  const { data, error, refetch } = useQuery({
    queryKey: ["asset", key, before],
    queryFn: ({ signal }) => ask(ASSET, { key, before: before ?? null }, signal),
    refetchInterval: 5_000,
    placeholderData: (shown) => (shown?.asset?.key === key ? shown : undefined),
  });
  const asset = data?.asset;
  return (
    <div className="page">
      <div className="crumbs">
        <Link to="/assets">Assets</Link> / {asset?.group ?? ""}
      </div>
      <div className="page-head">
        <h1>{key}</h1>
        {asset && <Tags tags={asset.tags} most={6} />}
        <span className="grow" />
        {asset && <Materialize asset={asset} />}
      </div>
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={300} />}
      {data && !asset && (
        <Empty title={`There is no asset ${key}`}>
          No code defines it and no event tells of it. <Link to="/assets">All that there are</Link>
        </Empty>
      )}
      {asset && (
        <>
          <div>
            <Standing of={asset} most={20} />
          </div>
          {asset.description && (
            <p className="secondary" style={{ whiteSpace: "pre-line" }}>
              {asset.description}
            </p>
          )}
          <Latest entry={asset.latestMaterialization} />
          <Facts asset={asset} />
          {asset.checks.length > 0 && <Checks asset={asset} />}
          <h2>History</h2>
          <History entries={asset.history.events} />
          <div className="row">
            {before && <Button onClick={() => setUrl({ before: null }, true)}>Newest</Button>}
            {asset.history.hasMore && (
              <Button onClick={() => setUrl({ before: asset.history.endCursor ?? null }, true)}>Older</Button>
            )}
          </div>
        </>
      )}
    </div>
  );
}

function Latest({ entry }: { entry: AssetData["latestMaterialization"] }) {
  if (!entry) return null;
  return (
    <section className="card" aria-label="latest materialization">
      <div className="row">
        <h2>Latest materialization</h2>
        <Time at={entry.timestamp} />
        <RunLink runId={entry.runId} />
      </div>
      {entry.description && <p className="secondary">{entry.description}</p>}
      <Metadata entries={metadataOf({ metadata: entry.metadata })} />
    </section>
  );
}

function Facts({ asset }: { asset: AssetData }) {
  const facts: [string, string][] = [
    ["location", asset.locations.map((each) => each.name).join(", ")],
    ["jobs", asset.jobNames.join(", ")],
    ["owners", asset.owners.join(", ")],
    ["kinds", asset.kinds.join(", ")],
    ["code version", asset.codeVersion ?? ""],
    ["data version", asset.dataVersion ?? ""],
  ];
  return (
    <dl className="facts">
      <dt>upstream</dt>
      <dd>
        <Keys keys={asset.upstreamKeys} />
      </dd>
      <dt>downstream</dt>
      <dd>
        <Keys keys={asset.downstreamKeys} />
      </dd>
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function Keys({ keys }: { keys: string[] }) {
  if (keys.length === 0) return <span className="muted">none</span>;
  return (
    <span className="row">
      {keys.map((key) => (
        <AssetLink key={key} name={key} />
      ))}
    </span>
  );
}

function Checks({ asset }: { asset: AssetData }) {
  return (
    <section aria-label="checks">
      <h2>Checks</h2>
      <ul className="plain-list">
        {asset.checks.map((check) => (
          <li key={check.name}>
            <Verdict entry={check.lastEvaluation} />
            <strong>{check.name}</strong>
            {check.isBlocking && <span className="chip">blocking</span>}
            <span className="secondary">{check.description}</span>
            {check.lastEvaluation && <Time at={check.lastEvaluation.timestamp} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Verdict({ entry }: { entry: Pick<EntryData, "passed" | "severity"> | null | undefined }) {
  if (!entry) return <StatusIcon look={CHECK.never} hasWord />;
  if (entry.passed) return <StatusIcon look={CHECK.passed} hasWord />;
  return <StatusIcon look={entry.severity === "WARN" ? CHECK.warned : CHECK.failed} hasWord />;
}

function History({ entries }: { entries: EntryData[] }) {
  if (entries.length === 0)
    return (
      <Empty title="Nothing has happened to it yet">
        Materialize it, or report what another system did with <code>reportAsset</code>.
      </Empty>
    );
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>time</th>
            <th>what</th>
            <th>run</th>
            <th>metadata</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.eventId}>
              <td>
                <Time at={entry.timestamp} />
              </td>
              <td>
                {entry.kind.toLowerCase()} {entry.checkName}{" "}
                {entry.kind === "CHECK" && <Verdict entry={entry} />}
                {entry.description && <div className="secondary">{entry.description}</div>}
              </td>
              <td>
                <RunLink runId={entry.runId} />
              </td>
              <td>
                <Metadata entries={metadataOf({ metadata: entry.metadata })} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
