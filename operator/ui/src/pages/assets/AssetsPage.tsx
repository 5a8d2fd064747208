import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { StaleStatus } from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { Button, Command, Empty, ErrorCard, Skeleton } from "../../ui/parts";
import { StatusIcon } from "../../ui/StatusIcon";
import { STALE } from "../../ui/status";
import { Time } from "../../ui/Time";
import { useUrlState } from "../../ui/useSearch";
import { AssetLink, RunLink, Standing } from "./parts";
import { ASSETS, type AssetRowData } from "./queries";

const STATUSES: StaleStatus[] = ["FRESH", "STALE", "MISSING"];

/** The catalogue: every asset with how it stands, why, and its newest materialization. */
export function AssetsPage() {
  const [{ q = "", status = "", after }, setUrl] = useUrlState();
  const [text, setText] = useState(q);
  const staleStatus = STATUSES.find((each) => each.toLowerCase() === status) ?? null;
  const { data, error, refetch } = useQuery({
    queryKey: ["assets", q, staleStatus, after],
    queryFn: ({ signal }) =>
      ask(ASSETS, { filter: { text: q || null, staleStatus }, after: after ?? null }, signal),
    refetchInterval: 5_000,
    placeholderData: keepPreviousData,
  });
  const isNarrowed = q !== "" || staleStatus !== null || Boolean(after);
  const assets = data?.assets.assets;
  return (
    <div className="page">
      <h1>Assets</h1>
      <div className="row">
        <input
          className="grow"
          data-filter
          aria-label="Search assets"
          placeholder="part of a key, such as raw/orders"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setUrl({ q: event.target.value.trim(), after: null });
          }}
        />
        {STATUSES.map((each) => (
          <button
            type="button"
            key={each}
            className="button small"
            aria-pressed={staleStatus === each}
            onClick={() =>
              setUrl({ status: staleStatus === each ? null : each.toLowerCase(), after: null }, true)
            }
          >
            <StatusIcon look={STALE[each]} hasWord />
          </button>
        ))}
      </div>
      {error && !data && <ErrorCard error={error} retry={refetch} />}
      {!data && !error && <Skeleton height={300} />}
      {assets?.length === 0 &&
        (isNarrowed ? (
          <Empty title="No asset fits">
            <Button
              onClick={() => {
                setText("");
                setUrl({ q: null, status: null, after: null }, true);
              }}
            >
              Show all assets
            </Button>
          </Empty>
        ) : (
          <Empty title="There is no asset yet">
            Write one with <code>@asset</code> and add it to your <code>Definitions</code>. If you have, see
            under{" "}
            <Link to="/deployment/$view" params={{ view: "locations" }}>
              Code locations
            </Link>{" "}
            whether your code loads. <Command text="opweave location list" />
          </Empty>
        ))}
      {assets && assets.length > 0 && <Catalogue assets={assets} />}
      <div className="row">
        {after && <Button onClick={() => setUrl({ after: null }, true)}>First</Button>}
        {data?.assets.hasMore && (
          <Button onClick={() => setUrl({ after: data.assets.endCursor ?? null }, true)}>More</Button>
        )}
      </div>
    </div>
  );
}

function Catalogue({ assets }: { assets: AssetRowData[] }) {
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>asset</th>
            <th>status</th>
            <th>latest materialization</th>
            <th>run</th>
            <th>checks</th>
            <th>group</th>
            <th>location</th>
          </tr>
        </thead>
        <tbody>
          {assets.map((asset) => (
            <tr key={asset.key}>
              <td>
                <AssetLink name={asset.key} />
                <div className="muted">{asset.description?.split("\n")[0]}</div>
              </td>
              <td className="why">
                <Standing of={asset} />
              </td>
              <td>
                <Time at={asset.latestMaterialization?.timestamp} />
              </td>
              <td>{asset.latestMaterialization && <RunLink runId={asset.latestMaterialization.runId} />}</td>
              <td className="secondary">{checksInWords(asset)}</td>
              <td className="secondary">{asset.group}</td>
              <td className="secondary">{asset.locations.map((each) => each.name).join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function checksInWords({ checks }: AssetRowData): string {
  if (checks.length === 0) return "";
  const failed = checks.filter((each) => each.lastEvaluation?.passed === false).length;
  const passed = checks.filter((each) => each.lastEvaluation?.passed).length;
  return failed ? `${failed} of ${checks.length} failed` : `${passed} of ${checks.length} passed`;
}
