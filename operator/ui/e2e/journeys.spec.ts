import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";

const at = (path: string) => `${process.env.UI_URL}${path}`;

/** No script of a user's ran, the page raised nothing, its policy refused nothing, and axe finds nothing serious. */
async function isSound(page: Page, name: string) {
  await page.screenshot({ path: `build/screenshots/${name}.png` });
  expect(await page.evaluate(() => "pwned" in window)).toBe(false);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((each) => each.impact === "serious" || each.impact === "critical");
  expect(serious.map((each) => `${each.id}: ${each.nodes[0]?.html}`)).toEqual([]);
}

const complaints: string[] = [];
test.beforeEach(({ page }) => {
  complaints.length = 0;
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) complaints.push(message.text());
  });
});
test.afterEach(() => expect(complaints).toEqual([]));

/** Replaces the text of the editor as a person does; `fill` makes the browser write styled spans of its own. */
async function write(page: Page, text: string) {
  const editor = page.getByRole("textbox", { name: "run config as YAML" });
  await editor.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}

async function launch(page: Page, job: string, config = "") {
  await page.goto(at(`/jobs/definitions/${job}/launchpad`));
  if (config) {
    await write(page, config);
  }
  await expect(page.getByText(/The config fits/)).toBeVisible();
  await page.getByRole("button", { name: /^Launch/ }).click();
  await page.waitForURL(/\/runs\/[0-9a-z]{26}/);
}

test("a config error is marked, corrected, and the run watched to its end", async ({ page }) => {
  await page.goto(at("/jobs"));
  await page.getByRole("link", { name: "launch daily_report" }).click();
  await write(page, "ops:\n  extract:\n    config:\n      since: '2026-01-01'\n      max_row: 3\n");
  const problems = page.getByRole("region", { name: "problems" });
  await expect(problems).toContainText("5:7");
  await expect(problems).toContainText("max_rows");
  await expect(page.locator(".cm-lintRange-error")).toHaveText("max_row");
  await expect(page.getByRole("button", { name: /^Launch/ })).toHaveAttribute("aria-disabled", "true");
  await isSound(page, "launchpad-error");
  await write(page, "ops:\n  extract:\n    config:\n      since: '2026-01-01'\n      max_rows: 3\n");
  await expect(problems).toContainText("The config fits. 3 of 3 steps would run.");
  await page.getByRole("button", { name: /^Launch/ }).click();
  await expect(page.getByText(/^Succeeded in/)).toBeVisible();
  await expect(page.getByRole("option", { name: /^extract, success/ })).toBeVisible();
  // What users' code says is text, all of it.
  await page.getByRole("textbox", { name: "Find in the events" }).fill("pwned");
  await expect(
    page.getByRole("log", { name: "events" }).getByText("<script>window.pwned = 1</script>").first(),
  ).toBeVisible();
  await page.getByRole("option", { name: /^report/ }).click();
  await page.getByRole("tab", { name: "stdout" }).click();
  await expect(page.getByRole("log", { name: "stdout" })).toContainText("<script>window.pwned = 1</script>");
  await isSound(page, "run-success");
  await page.getByRole("tab", { name: "Config and tags" }).click();
  await expect(page.getByText("max_rows: 3")).toBeVisible();
});

test("a run is watched live and canceled", async ({ page }) => {
  await launch(page, "endless");
  const log = page.getByRole("log", { name: "events" });
  await expect(log.getByText("logged 3", { exact: true })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /^live$/ })).toBeVisible();
  await expect(page.getByText(/^Running for/).first()).toBeVisible();
  await page.getByRole("option", { name: /^tick/ }).click();
  await page.getByRole("tab", { name: "stdout" }).click();
  await expect(page.getByRole("log", { name: "stdout" })).toContainText("tick 5");
  await isSound(page, "run-live");
  await page.goto(at("/runs?q=status:started"));
  await expect(page.getByRole("row").filter({ hasText: "endless" })).toContainText("Running");
  await page.goBack();
  await page.getByRole("button", { name: "Terminate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Terminate", exact: true }).click();
  await expect(page.getByText(/^Canceled after/)).toBeVisible({ timeout: 30_000 });
});

test("a cut connection loses and doubles no event", async ({ page }) => {
  const cuts: (() => Promise<void>)[] = [];
  await page.routeWebSocket(/graphql/, (socket) => {
    socket.connectToServer();
    cuts.push(() => socket.close({ code: 4999, reason: "cut by the test" }));
  });
  await launch(page, "endless");
  const log = page.getByRole("log", { name: "events" });
  await expect(log.getByText("logged 2", { exact: true })).toBeVisible();
  await cuts[0]?.();
  await expect(log.getByText("logged 12", { exact: true })).toBeVisible({ timeout: 20_000 });
  expect(cuts.length).toBeGreaterThan(1); // it came back
  await page.getByLabel("Kinds of events").selectOption("messages");
  await expect(log.getByText("logged 10", { exact: true })).toBeVisible();
  const seen = (await log.locator("pre").allTextContents()).filter((text) => text.startsWith("logged "));
  const numbers = seen.map((text) => Number(text.slice(7)));
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  await page.keyboard.press("Shift+T");
  await page.getByRole("dialog").getByRole("button", { name: "Terminate", exact: true }).click();
  await expect(page.getByText(/^Canceled after/)).toBeVisible({ timeout: 30_000 });
});

test("a failure says why, leads to its error, and can be launched again", async ({ page }) => {
  await launch(page, "broken");
  await expect(page.getByText(/^Failed after .*break_down raised/)).toBeVisible();
  await page.getByRole("button", { name: "Jump to error" }).click();
  const detail = page.getByRole("complementary", { name: "step break_down" });
  await expect(detail).toContainText("KeyError");
  await expect(detail).toContainText("<script>");
  await isSound(page, "run-failed");
  await page.getByRole("button", { name: "Graph", exact: true }).click();
  await expect(
    page.getByRole("list", { name: "steps" }).getByRole("button", { name: "never, skipped" }),
  ).toBeVisible();
  await isSound(page, "run-graph");
  await page.goto(at("/"));
  await expect(page.getByRole("heading", { name: "Needs attention 1" })).toBeVisible();
  await isSound(page, "overview");
  await page.getByRole("link", { name: "Open last" }).click();
  const failed = page.url();
  await page.getByRole("button", { name: "Re-execute from failure" }).click();
  await page.waitForURL((url) => url.href !== failed && /\/runs\/[0-9a-z]{26}/.test(url.href));
  await expect(page.getByRole("link", { name: "parent run" })).toBeVisible();
  await expect(page.getByText(/^Failed after/)).toBeVisible();
  await page.getByRole("button", { name: "Launch again…" }).click();
  await expect(page.getByText(/^from run/).first()).toBeVisible();
});

test("an address leads to the same picture, and filters that mean nothing are told", async ({ page }) => {
  await page.goto(at("/runs?q=status:failure"));
  const rows = page.getByRole("row").filter({ hasText: "broken" });
  await expect(rows.first()).toContainText("Failed");
  await expect(page.getByRole("row").filter({ hasText: "endless" })).toHaveCount(0);
  await isSound(page, "runs");
  await page.goto(at("/runs?q=colour:red"));
  await expect(page.getByText('"colour" is not a field of runs')).toBeVisible();
  await page.goto(at("/jobs/definitions/daily_report?op=tidy"));
  await expect(page.getByRole("complementary", { name: "tidy" })).toContainText("graph");
  await isSound(page, "job");
  await page.getByRole("button", { name: "Open the graph" }).click();
  await expect(page.getByRole("button", { name: /^clean/ })).toBeVisible();
  await page.goto(at("/runs/none"));
  await expect(page.getByText("There is no run none")).toBeVisible();
});

test("a sensor is started, says why it skipped, and leads to the run it asked for", async ({ page }) => {
  await page.goto(at("/automation"));
  const schedule = page.getByRole("row").filter({ hasText: "nightly" });
  await expect(schedule).toContainText("Monday to Friday at 06:00 Europe/Berlin");
  await expect(schedule).toContainText("never evaluated");
  await page.getByRole("button", { name: "Start nightly" }).click();
  await expect(schedule).toContainText("Running");
  await page.getByRole("button", { name: "Stop nightly" }).click();
  await expect(schedule).toContainText("Stopped");
  await page.getByRole("button", { name: "Start arrivals" }).click();
  await isSound(page, "automation");
  await page.getByRole("link", { name: "arrivals" }).click();
  const skipped = page.getByRole("row").filter({ hasText: "nothing yet <script>window.pwned" });
  await expect(skipped).toContainText("Skipped", { timeout: 30_000 });
  const run = page.getByRole("link", { name: /^run / });
  await expect(run.first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole("button", { name: "Stop arrivals" }).click();
  await expect(page.getByRole("button", { name: "Start arrivals" })).toBeVisible();
  await isSound(page, "sensor");
  await page.getByRole("button", { name: "Change the cursor…" }).click();
  await page.getByRole("textbox", { name: "cursor" }).fill("from here");
  await page.getByRole("button", { name: "Set the cursor" }).click();
  await expect(page.getByRole("definition").filter({ hasText: "from here" })).toBeVisible();
  await run.first().click();
  await expect(page.getByText(/^Succeeded in/)).toBeVisible();
  await page.goto(at("/automation/sensors/definitions/none"));
  await expect(page.getByText("There is no sensor none here")).toBeVisible();
});

test("an asset is found, materialized, and tells what it was made from and of", async ({ page }) => {
  await page.goto(at("/assets"));
  await page.getByRole("textbox", { name: "Search assets" }).fill("order");
  await expect(page.getByRole("row").filter({ hasText: "revenue" })).toHaveCount(0);
  await expect(page.getByRole("row").filter({ hasText: "raw/orders" })).toContainText("Missing");
  await page.getByRole("link", { name: "raw/orders" }).click();
  await expect(page.getByText("Nothing has happened to it yet")).toBeVisible();
  await page.getByRole("button", { name: "Materialize" }).click();
  await page.waitForURL(/\/runs\/[0-9a-z]{26}/);
  await expect(page.getByText(/^Succeeded in/)).toBeVisible();
  await expect(page.getByRole("option", { name: /revenue/ })).toHaveCount(0);
  const run = page.url().match(/runs\/([0-9a-z]{26})/)?.[1];
  await page.goto(at("/assets/raw/orders"));
  const latest = page.getByRole("region", { name: "latest materialization" });
  await expect(latest).toContainText("<script>window.pwned = 1</script>");
  expect(await latest.textContent()).not.toContain("\u202e");
  await expect(latest.getByRole("link", { name: `run ${run}` })).toBeVisible();
  await expect(page.getByText("Fresh")).toBeVisible();
  await isSound(page, "asset");
  await page.getByRole("link", { name: "revenue" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "revenue" })).toBeVisible();
  await expect(page.getByRole("link", { name: "raw/orders" }).first()).toBeVisible();
  await page.goto(at("/assets?status=fresh"));
  await expect(page.getByRole("row").filter({ hasText: "raw/orders" })).toContainText("Fresh");
  await expect(page.getByRole("row").filter({ hasText: "revenue" })).toHaveCount(0);
  await page.goto(at("/assets"));
  await expect(page.getByRole("row").filter({ hasText: "revenue" })).toBeVisible();
  await isSound(page, "assets");
  await page.goto(at("/assets/none/such"));
  await expect(page.getByText("There is no asset none/such")).toBeVisible();
});

test("everything is reached from the keyboard", async ({ page }) => {
  await page.goto(at("/"));
  await expect(page.getByRole("heading", { name: "Time line" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("launch endless");
  await expect(page.getByRole("option", { name: /Launch endless/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await page.waitForURL(/endless\/launchpad/);
  await page.goto(at("/runs"));
  await expect(page.getByRole("row").nth(1)).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\/[0-9a-z]{26}/);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
});

test.describe("in the dark, and on a phone", () => {
  test.use({ colorScheme: "dark", viewport: { width: 360, height: 740 } });
  test("a failed run still says why and what can be done", async ({ page }) => {
    await page.goto(at("/runs?q=status:failure"));
    await page.locator("[data-row]").first().click();
    await expect(page.getByText(/^Failed after/)).toBeVisible();
    await expect(page.getByRole("button", { name: "Launch again…" })).toBeVisible();
    await isSound(page, "phone-dark");
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });
    for (const path of [
      "/jobs",
      "/assets",
      "/automation",
      "/deployment/locations",
      "/deployment/queue",
      "/deployment/settings",
      "/settings",
      "/runs",
      "/",
    ]) {
      test(`${path} is accessible`, async ({ page }) => {
        await page.goto(at(path));
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await page.waitForLoadState("networkidle");
        await isSound(page, `${colorScheme}${path.replaceAll("/", "-")}`);
      });
    }
  });
}
