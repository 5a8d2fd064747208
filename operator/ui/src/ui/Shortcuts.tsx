import { Dialog } from "./parts";

const KEYS: [string, string][] = [
  ["Ctrl-K", "find runs, jobs, locations and pages"],
  ["/", "go to the filter of the page"],
  ["g then o r a j s d", "go to Overview, Runs, Assets, Jobs, Automation, Deployment"],
  ["j k", "next and previous row"],
  ["Enter", "open the row"],
  ["l", "launch (on a job)"],
  ["r", "launch again with the same config (on a run)"],
  ["Shift-T", "terminate (on a run)"],
  ["Ctrl-Enter", "launch (in the Launchpad)"],
  ["Esc", "close, or clear the selection"],
  ["?", "this list"],
];

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="facts">
        {KEYS.map(([key, what]) => (
          <div key={key} style={{ display: "contents" }}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="muted">Single keys can be turned off in the settings.</p>
    </Dialog>
  );
}
