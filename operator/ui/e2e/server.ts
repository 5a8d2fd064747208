/** Starts `opweave dev` with the definitions beside this file, and ends it after the tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
const START_MILLISECONDS = 60_000;

function loaded(server: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let said = "";
    const timer = setTimeout(() => fail(new Error(`opweave dev did not load: ${said}`)), START_MILLISECONDS);
    server.on("exit", () => fail(new Error(`opweave dev ended: ${said}`)));
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on("data", (piece: Buffer) => {
        said += piece;
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
        if (url && /location .* loaded/.test(said)) {
          clearTimeout(timer);
          done(url);
        }
      });
    }
  });
}

export default async function start(): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), "opweave-ui-"));
  const opweave = process.env.OPWEAVE ?? join(ROOT, ".venv/bin/opweave");
  const server = spawn(
    opweave,
    ["dev", "-f", join(import.meta.dirname, "definitions.py"), "--home", home, "--port", "0"],
    {
      cwd: ROOT,
      env: { ...process.env, PYTHONUNBUFFERED: "1" },
    },
  );
  process.env.UI_URL = await loaded(server);
  return async () => {
    const ended = new Promise((done) => server.once("exit", done));
    server.removeAllListeners("exit");
    const over = new Promise((done) => server.once("exit", done));
    server.kill("SIGINT");
    await Promise.race([over, ended]);
    rmSync(home, { recursive: true, force: true });
  };
}
