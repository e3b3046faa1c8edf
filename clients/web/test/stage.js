// Starts a real API, and in front of it a network that loses what a test wants.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program = process.env.SUREFIRE;
if (!program) throw new Error("SUREFIRE must be the path of the program; ./check web sets it");

/** A running API, until `stop`. */
export async function startApi() {
  const data = mkdtempSync(join(tmpdir(), "surefire-web-"));
  const flags = ["--memory", "--data", data, "--listen", "127.0.0.1:0", "--no-throttle", "--no-watch"];
  const server = spawn(program, ["serve", ...flags], { stdio: ["ignore", "pipe", "ignore"] });
  let url;
  for await (const line of createInterface(server.stdout)) {
    url = line.match(/Surefire\s+(http:\S+)/)?.[1];
    if (url) break;
  }
  server.stdout.resume();
  const token = (sub, ...more) =>
    execFileSync(program, ["token", "--data", data, "--sub", sub, ...more], { encoding: "utf8" }).trim();
  const stop = async () => {
    const ended = new Promise((resolve) => server.on("exit", resolve));
    server.kill();
    await ended;
    rmSync(data, { recursive: true });
  };
  return { url, token, stop };
}

/**
 * A server that passes requests on. `fates` says what happens to the next ones: `lost`, `answer-lost`, `cut`, a status,
 * or `{status, headers, body}`. Later ones pass.
 */
export async function startNetwork(upstream) {
  const fates = [];
  const seen = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method, url, headers } = incoming;
    seen.push({ method, url, key: headers["idempotency-key"], bearer: headers.authorization, body: body.toString() });
    const fate = method === "POST" ? fates.shift() : undefined;
    if (fate === "lost") return outgoing.destroy();
    if (typeof fate === "number" || typeof fate === "object") {
      const { status, headers = {}, body = '{"message":"Service Unavailable"}' } =
        typeof fate === "number" ? { status: fate } : fate;
      return outgoing.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    }
    const answer = await passOn(upstream, method, url, headers, body);
    if (fate === "answer-lost") return outgoing.destroy();
    if (fate !== "cut") return outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    outgoing.writeHead(answer.status, answer.headers);
    outgoing.write(answer.body.subarray(0, 10), () => outgoing.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  const keys = () => new Set(seen.filter(({ key }) => key).map(({ key }) => key));
  return { url: `http://127.0.0.1:${server.address().port}`, fates, seen, keys, stop };
}

function passOn(upstream, method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const sent = request(upstream + path, { method, headers }, async (answer) => {
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
