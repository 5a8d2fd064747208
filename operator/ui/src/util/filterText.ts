/** The text form of filters: `status:failure job:x tag:team=a since:24h`, words without a field are kept apart. */

export type Term = { field: string; value: string };

export function parseFilter(text: string): { terms: Term[]; words: string[] } {
  const terms: Term[] = [];
  const words: string[] = [];
  for (const match of text.matchAll(/([a-z]+):(?:"([^"]*)"|(\S+))|(\S+)/g)) {
    const [, field, quoted, plain, word] = match;
    if (field) terms.push({ field, value: quoted ?? plain ?? "" });
    else if (word) words.push(word);
  }
  return { terms, words };
}

export function writeTerm({ field, value }: Term): string {
  return /[\s"]/.test(value) || value === ""
    ? `${field}:"${value.replaceAll('"', "")}"`
    : `${field}:${value}`;
}

/** *text* with *field* set to *value*, or without it when *value* is null. */
export function withTerm(text: string, field: string, value: string | null): string {
  const { terms, words } = parseFilter(text);
  const kept = terms.filter((term) => term.field !== field);
  if (value !== null) kept.push({ field, value });
  return [...kept.map(writeTerm), ...words].join(" ");
}

/** Milliseconds of `30m`, `24h`, `7d`; null when it is none. */
export function span(text: string): number | null {
  const found = /^(\d{1,5})(m|h|d)$/.exec(text);
  const unit = { m: 60_000, h: 3_600_000, d: 86_400_000 }[found?.[2] ?? ""];
  return found?.[1] && unit ? Number(found[1]) * unit : null;
}
