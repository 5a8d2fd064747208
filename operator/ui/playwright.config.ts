import { defineConfig } from "@playwright/test";

// Debian's browser, no download; a real `opweave dev` with real runs, started by e2e/server.ts.
export default defineConfig({
  testDir: "e2e",
  outputDir: "build/e2e",
  globalSetup: "./e2e/server.ts",
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1440, height: 900 },
    timezoneId: "Asia/Tokyo",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
