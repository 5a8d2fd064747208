/** Metadata of events and assets: every kind as text; only http and https become links. */
import { plainText } from "../util/ansi";

export type Entry = { label: string; kind: string; value: unknown };

/** What of an event's payload people attached: `metadata` as a list of entries or as a mapping. */
export function metadataOf(payload: Record<string, unknown>): Entry[] {
  const found = payload.metadata;
  if (Array.isArray(found))
    return found.flatMap((each) => entry(String(each?.label ?? each?.name ?? each?.key ?? ""), each));
  if (typeof found === "object" && found !== null)
    return Object.entries(found).flatMap(([label, value]) => entry(label, value));
  return [];
}

function entry(label: string, value: unknown): Entry[] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const typed = value as Record<string, unknown>;
    const kind = typed.type ?? typed.kind;
    if (typeof kind === "string") {
      const inner =
        typed.value ??
        typed.raw_value ??
        Object.entries(typed).find(([name]) => !["type", "kind", "label", "name", "key"].includes(name))?.[1];
      return [{ label, kind, value: inner }];
    }
  }
  return [{ label, kind: "", value }];
}

export function Metadata({ entries }: { entries: Entry[] }) {
  return (
    <dl className="facts metadata">
      {entries.map((each) => (
        <div key={each.label} style={{ display: "contents" }}>
          <dt>{each.label}</dt>
          <dd>
            <Value kind={each.kind} value={each.value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ kind, value }: { kind: string; value: unknown }) {
  if (typeof value === "string") {
    const address = kind === "url" ? webAddress(value) : null;
    if (address)
      return (
        <a href={address} rel="noreferrer noopener" target="_blank">
          {value}
        </a>
      );
    const text = plainText(value);
    return text.includes("\n") ? <pre>{text}</pre> : <span>{text}</span>;
  }
  if (typeof value === "number")
    return <span>{value.toLocaleString("en-US", { maximumFractionDigits: 12 })}</span>;
  if (typeof value === "boolean" || value === null || value === undefined)
    return <span>{String(value)}</span>;
  return <pre>{JSON.stringify(value, null, 2)}</pre>;
}

/** *text* when a browser may follow it: never `javascript:` and its like. */
export function webAddress(text: string): string | null {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
