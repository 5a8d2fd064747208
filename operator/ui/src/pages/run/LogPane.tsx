import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { LogStream } from "../../api/__generated__/graphql";
import { address, ask } from "../../api/client";
import { Button, Empty, ErrorCard } from "../../ui/parts";
import { plainText } from "../../util/ansi";
import { count, size } from "../../util/format";
import { LOG_PIECE } from "./queries";

const PIECE = 256 * 1024;
const MOST_KEPT = 8 * PIECE;
const POLL_MILLISECONDS = 1_000;

type Shown = { from: number; to: number; length: number; text: string };

async function read(
  runId: string,
  stepKey: string,
  attempt: number,
  stream: LogStream,
  offset: number,
  limit: number,
) {
  const { run } = await ask(LOG_PIECE, { runId, stepKey, stream, offset, limit });
  const found = run?.step?.attempts.find((each) => each.number === attempt);
  if (!found) throw new Error("there is no such attempt any more");
  return found.computeLog;
}

type Props = { runId: string; stepKey: string; attempt: number; stream: LogStream; isEnded: boolean };

/** What an attempt printed: from its end, earlier pieces on demand; at most 2 MB of it are held, however long it is. */
export function LogPane({ runId, stepKey, attempt, stream, isEnded }: Props) {
  const [shown, setShown] = useState<Shown | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [isFollowing, setFollowing] = useState(true);
  const [turn, setTurn] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks again after an error
  useEffect(() => {
    let isStopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let to = -1;
    setShown(null);
    setError(null);
    const next = async () => {
      try {
        if (to < 0) {
          const probe = await read(runId, stepKey, attempt, stream, 0, 1);
          to = Math.max(0, probe.length - PIECE);
          if (!isStopped) setShown({ from: to, to, length: probe.length, text: "" });
        }
        let piece = await read(runId, stepKey, attempt, stream, to, PIECE);
        while (!isStopped && piece.nextOffset > to) {
          to = piece.nextOffset;
          const { text, nextOffset, length } = piece;
          setShown((before) => before && append(before, text, nextOffset, length));
          piece = await read(runId, stepKey, attempt, stream, to, PIECE);
        }
        if (!isStopped && !isEnded) timer = setTimeout(next, POLL_MILLISECONDS);
      } catch (caught) {
        if (!isStopped) setError(caught as Error);
      }
    };
    void next();
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }, [runId, stepKey, attempt, stream, isEnded, turn]);

  const lines = useMemo(() => (shown ? plainText(shown.text).split("\n") : []), [shown]);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 18,
    overscan: 20,
  });
  useEffect(() => {
    if (isFollowing && lines.length > 0) rows.scrollToIndex(lines.length - 1);
  }, [isFollowing, lines.length, rows]);

  const earlier = async () => {
    if (!shown) return;
    setFollowing(false);
    const from = Math.max(0, shown.from - PIECE);
    try {
      const piece = await read(runId, stepKey, attempt, stream, from, shown.from - from);
      setShown(
        (before) => before && { ...before, from, text: (piece.text + before.text).slice(0, MOST_KEPT) },
      );
    } catch (caught) {
      setError(caught as Error);
    }
  };
  const name = stream.toLowerCase();
  const download = address(
    `api/v1/runs/${runId}/logs/${stepKey.split("/").map(encodeURIComponent).join("/")}/${attempt}/${name}`,
  );

  if (error) return <ErrorCard error={error} retry={() => setTurn((now) => now + 1)} />;
  return (
    <>
      <div className="pane-tools">
        <span className="muted">
          {name} of {stepKey}, attempt {attempt}
          {shown && `: ${size(shown.length)}, ${count(lines.length)} lines shown`}
        </span>
        {shown && shown.from > 0 && <Button onClick={earlier}>Earlier ({size(shown.from)} before)</Button>}
        <label className="row">
          <input
            type="checkbox"
            className="box"
            checked={isFollowing}
            onChange={(event) => setFollowing(event.target.checked)}
          />{" "}
          follow
        </label>
        <a href={download} download={`${stepKey}.${name}.txt`}>
          Download
        </a>
      </div>
      {shown && shown.length === 0 ? (
        <Empty title={`Nothing on ${name}${isEnded ? "" : " yet"}`}>
          What the step prints appears here while it runs; what it logs with <code>context.log</code> is in
          Events.
        </Empty>
      ) : (
        <div
          ref={scroller}
          className="log"
          role="log"
          aria-label={name}
          tabIndex={0}
          onWheel={(event) => event.deltaY < 0 && setFollowing(false)}
        >
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map((item) => (
              <div key={item.key} className="log-line" style={{ transform: `translateY(${item.start}px)` }}>
                {lines[item.index]?.slice(0, 10_000)}
              </div>
            ))}
          </div>
        </div>
      )}
    </>
  );
}

function append(before: Shown, text: string, to: number, length: number): Shown {
  const whole = before.text + text;
  const cut = Math.max(0, whole.length - MOST_KEPT);
  const dropped = new TextEncoder().encode(whole.slice(0, cut)).length;
  return { from: before.from + dropped, to, length, text: whole.slice(cut) };
}
