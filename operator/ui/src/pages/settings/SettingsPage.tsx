import { type Prefs, setPrefs, usePrefs } from "../../ui/prefs";

/** What a person prefers; kept in this browser. */
export function SettingsPage() {
  const prefs = usePrefs();
  const zones = Intl.supportedValuesOf("timeZone");
  return (
    <div className="page">
      <h1>Settings</h1>
      <p className="secondary">They are kept in this browser.</p>
      <dl className="facts" style={{ alignItems: "center" }}>
        <dt>
          <label htmlFor="theme">theme</label>
        </dt>
        <dd>
          <select
            id="theme"
            value={prefs.theme}
            onChange={(event) => setPrefs({ theme: event.target.value as Prefs["theme"] })}
          >
            <option value="system">as the system</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </dd>
        <dt>
          <label htmlFor="zone">time zone</label>
        </dt>
        <dd>
          <select id="zone" value={prefs.zone} onChange={(event) => setPrefs({ zone: event.target.value })}>
            <option value="browser">
              the browser's ({Intl.DateTimeFormat().resolvedOptions().timeZone})
            </option>
            <option value="UTC">UTC</option>
            {zones.map((zone) => (
              <option key={zone}>{zone}</option>
            ))}
          </select>
        </dd>
        <dt>
          <label htmlFor="keys">single keys</label>
        </dt>
        <dd>
          <input
            id="keys"
            type="checkbox"
            className="box"
            checked={prefs.singleKeys}
            onChange={(event) => setPrefs({ singleKeys: event.target.checked })}
          />{" "}
          <span className="muted">
            see <kbd>?</kbd>
          </span>
        </dd>
      </dl>
    </div>
  );
}
