import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../../api/client";
import { Button, Dialog } from "../../ui/parts";
import { type InstigatorData, SET_CURSOR, selectorOf } from "./queries";

/** From where a sensor goes on, and how to set it. */
export function CursorOf({ sensor }: { sensor: InstigatorData }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <dt>cursor</dt>
      <dd className="row">
        {sensor.cursor == null ? (
          <span className="muted">none yet</span>
        ) : (
          <code className="clip">{sensor.cursor}</code>
        )}
        <Button onClick={() => setOpen(true)}>Change the cursor…</Button>
        {isOpen && <CursorDialog sensor={sensor} onClose={() => setOpen(false)} />}
      </dd>
    </>
  );
}

function CursorDialog({ sensor, onClose }: { sensor: InstigatorData; onClose: () => void }) {
  const queries = useQueryClient();
  const [text, setText] = useState(sensor.cursor ?? "");
  const [problem, setProblem] = useState("");
  const set = async (cursor: string | null) => {
    try {
      const { setSensorCursor: result } = await ask(SET_CURSOR, { instigator: selectorOf(sensor), cursor });
      if (result.__typename !== "Instigator") return setProblem(result.message);
      await queries.invalidateQueries({ queryKey: ["automation"] });
      onClose();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <Dialog title={`Cursor of ${sensor.name}`} onClose={onClose}>
      <p>The next tick goes on from it. Going back can launch runs again, except for run keys seen before.</p>
      <textarea aria-label="cursor" rows={4} value={text} onChange={(event) => setText(event.target.value)} />
      {problem && (
        <div className="error-text" role="alert">
          {problem}
        </div>
      )}
      <div className="row">
        <Button kind="primary" onClick={() => set(text)}>
          Set the cursor
        </Button>
        <Button kind="danger" onClick={() => set(null)}>
          Begin anew without one
        </Button>
        <Button onClick={onClose}>Keep it</Button>
      </div>
    </Dialog>
  );
}
