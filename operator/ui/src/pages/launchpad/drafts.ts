/** Drafts of run configs, in the browser: they survive a reload and an upgrade. */

export type Draft = {
  id: string;
  name: string;
  text: string;
  tags: string;
  selection: string;
  origin: string;
  original: string;
};

const most = 20;
const key = (location: string, job: string) => `opweave.drafts/${location}/${job}`;

export function loadDrafts(location: string, job: string): Draft[] {
  try {
    const found = JSON.parse(localStorage.getItem(key(location, job)) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

export function saveDrafts(location: string, job: string, drafts: Draft[]): void {
  try {
    localStorage.setItem(key(location, job), JSON.stringify(drafts.slice(-most)));
  } catch {
    // A full or forbidden storage: the drafts live until the page closes.
  }
}

export function newDraft(name: string, text: string, origin = ""): Draft {
  return {
    id: Math.random().toString(36).slice(2),
    name,
    text,
    tags: "",
    selection: "",
    origin,
    original: text,
  };
}
