// Uses the page /docs in Chromium as a newcomer does: gives the key, chooses a file, presses Execute.
// Usage: node docs_page.mjs CHROMIUM FOLDER URL KEY FILE, with playwright-core in FOLDER. Prints a line of JSON.
import { createRequire } from "node:module";
import { join } from "node:path";

const [executablePath, folder, url, key, file] = process.argv.slice(2);
const { chromium } = createRequire(join(folder, "package.json"))("playwright-core");

const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});
const problems = [];
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    const { url: of } = message.location();
    // An answer that is an error is logged, too: those are what the page is asked to show.
    if (message.type() === "error" && !of.includes("/api/")) problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) problems.push(request.url());
  });
  // The names of a form's fields: the browser does not tell the body of a request with a file.
  await page.addInitScript(() => {
    const original = window.fetch;
    window.formFields = [];
    window.fetch = (resource, options) => {
      const body = options?.body ?? resource?.body;
      window.formFields = body instanceof FormData ? [...body.keys()] : [];
      return original(resource, options);
    };
  });
  await page.goto(`${url}/docs`);
  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".auth-container").first();
  await dialog.locator("input").first().fill(key);
  await dialog.getByRole("button", { name: "Apply credentials" }).or(dialog.getByRole("button", { name: /^Authorize/ })).first().click();
  await page.getByRole("button", { name: "Close" }).first().click();

  /** Presses Execute of an operation, and waits for its answer. */
  const execute = async (id, fill = async () => {}) => {
    const block = page.locator(`[id$="-${id}"].opblock`);
    await block.locator(".opblock-summary-control").click();
    await fill(block);
    const sent = page.waitForRequest((request) => request.url().startsWith(`${url}/api/`));
    await block.getByRole("button", { name: "Execute" }).click();
    const request = await sent;
    const response = await request.response();
    return {
      status: response.status(),
      body: await response.text(),
      query: new URL(request.url()).search,
      fields: await page.evaluate(() => window.formFields),
    };
  };
  const submitted = await execute("ingest_file", (block) => block.locator("input[type=file]").first().setInputFiles(file));
  const listed = await execute("list_tasks");
  const created = await execute("create_endpoint");
  console.log(JSON.stringify({ submitted, listed, created, problems }));
} finally {
  await browser.close();
}
