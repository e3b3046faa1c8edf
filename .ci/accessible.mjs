// Opens the pages of `surefire serve` in Chromium, on small and large screens, light and dark, and lets axe judge them.
// The screenshots are in the given directory.
//
//   SUREFIRE=target/debug/surefire node .ci/accessible.mjs AXE DIRECTORY

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { startApi } from "../clients/web/test/stage.js";

const [axe, directory] = process.argv.slice(2);
const PAGES = {
  start: { path: "/_local" },
  shop: { path: "/_local/shop" },
  discord: { path: "/_local/discord" },
  docs: { path: "/_local/docs/", prepare: ".ci/try-operations.js" },
};
const WIDTHS = [390, 768, 1280, 1600];
const SCHEMES = ["light", "dark"];
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
];
// A colour on its way to another one is not what a person reads, so axe waits for each movement that ends.
const JUDGE = `
  const done = arguments[arguments.length - 1];
  const ends = (it) => it.effect.getComputedTiming().endTime < Infinity;
  const still = Promise.allSettled(document.getAnimations().filter(ends).map((it) => it.finished));
  still.then(() => axe.run()).then(({ violations, passes }) => done({
    faults: violations.map(({ id, help, nodes }) => id + ": " + help + ": " + nodes.map((it) => it.target).join(" ")),
    passes: passes.length,
    wide: document.documentElement.scrollWidth - innerWidth,
  }), (error) => done({ faults: [String(error)] }));
`;

// The driver takes a port that is free for IPv6 and then also wants it for IPv4, where another program may have it. It
// ends then, and is started again.
async function startDriver() {
  for (let starts = 0; starts < 20; starts += 1) {
    const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    for await (const line of createInterface(driver.stdout)) {
      const port = line.match(/started successfully on port (\d+)/)?.[1];
      if (port) return { url: `http://127.0.0.1:${port}/session`, stop: () => end(driver) };
      said += `${line}\n`;
    }
    const why = said || "type: apt-get install -y chromium chromium-driver";
    if (!said.includes("port not available")) throw new Error(`chromedriver ended while it started: ${why}`);
  }
  throw new Error("chromedriver found no free port twenty times");
}

async function end(child) {
  const ended = new Promise((resolve) => child.on("exit", resolve));
  child.kill();
  await ended;
}

async function command(url, body) {
  const answer = await fetch(url, { method: body === undefined ? "GET" : "POST", body: JSON.stringify(body) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${url}: ${value.message}`);
  return value;
}

const profile = mkdtempSync(join(tmpdir(), "surefire-axe-"));
const api = await startApi();
const driver = await startDriver();
const options = { args: [...FLAGS, `--user-data-dir=${profile}`] };
const capabilities = { alwaysMatch: { browserName: "chrome", "goog:chromeOptions": options } };
const { sessionId } = await command(driver.url, { capabilities });
const session = `${driver.url}/${sessionId}`;
const cdp = (cmd, params) => command(`${session}/goog/cdp/execute`, { cmd, params });
let faults = 0;
try {
  mkdirSync(directory, { recursive: true });
  for (const [name, { path, prepare }] of Object.entries(PAGES)) {
    for (const width of WIDTHS) {
      for (const scheme of SCHEMES) {
        const screen = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
        await cdp("Emulation.setDeviceMetricsOverride", screen);
        await cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
        await command(`${session}/url`, { url: api.url + path });
        if (prepare) {
          const failed = await command(`${session}/execute/async`, { script: readFileSync(prepare, "utf8"), args: [] });
          if (failed) throw new Error(`${path}: ${failed}`);
        }
        await command(`${session}/execute/sync`, { script: readFileSync(axe, "utf8"), args: [] });
        const judged = await command(`${session}/execute/async`, { script: JUDGE, args: [] });
        if (0 < judged.wide) judged.faults.push(`the page is ${judged.wide} pixels wider than its window`);
        for (const fault of judged.faults) console.log(`${path} at ${width} px, ${scheme}: ${fault}`);
        faults += judged.faults.length;
        if (!judged.passes) throw new Error(`axe judged nothing on ${path}`);
        const picture = await command(`${session}/screenshot`);
        writeFileSync(join(directory, `${name}-${width}-${scheme}.png`), Buffer.from(picture, "base64"));
      }
    }
  }
} finally {
  await fetch(session, { method: "DELETE" });
  await driver.stop();
  await api.stop();
  // The browser's last helpers may still write while they end.
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
const count = Object.keys(PAGES).length * WIDTHS.length * SCHEMES.length;
console.log(`    axe found ${faults} faults on ${count} pages; screenshots are in ${directory}`);
process.exitCode = faults ? 1 : 0;
