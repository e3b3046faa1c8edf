// The client under Node, against a real API, on a network that fails.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { ApiError, LoginNeeded, MemoryStore, OutcomeUnknown, RESUME_MS_MAX, SEND_MS_MAX, orders } from "../surefire.js";
import { startApi, startNetwork } from "./stage.js";

let api;
let network;
let token;
let products = 0;

before(async () => {
  api = await startApi();
  token = api.token("demo");
});
after(() => api.stop());
beforeEach(async (context) => {
  network = await startNetwork(api.url);
  context.after?.(() => network.stop());
});

/** A product of its own for each test, with stock. */
async function stock(delta = 5) {
  products += 1;
  const sku = `WEB-${products}`;
  const send = async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": sku };
    const answer = await fetch(api.url + path, { method, headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 201);
  };
  await send("PUT", `/products/${sku}`, { name: "A product", unit_price: 500, currency: "KRW", sellable: true });
  await send("POST", `/products/${sku}/stock`, { delta, reason: "a test" });
  const available = async () => (await (await fetch(`${api.url}/products/${sku}`)).json()).available;
  return { sku, available, of: (quantity) => ({ currency: "KRW", lines: [{ sku, quantity, unit_price: 500 }] }) };
}

const client = (more = {}) => orders(network.url, { token: () => token, account: "demo", pauseFirst: 1, ...more });

/** An attempt as an earlier page left it. */
const left = (order, at, more = {}) => ({
  key: crypto.randomUUID(), api: network.url, account: "demo", body: JSON.stringify(order), at, ...more,
});

test("one order is placed on a network that loses requests and answers", async () => {
  const goods = await stock();
  network.fates.push("lost", "answer-lost", "cut", 503, 500, 429);
  const outcome = await client().place(goods.of(2));
  assert.deepEqual([outcome.placed, outcome.replayed, outcome.orderStatus], [true, true, "pending"]);
  assert.equal(network.seen.length, 7);
  assert.equal(network.keys().size, 1);
  assert.equal(new Set(network.seen.map(({ body }) => body)).size, 1);
  assert.equal(await goods.available(), 3);
});

test("twenty clicks are one order", async () => {
  const goods = await stock();
  const shop = client();
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => shop.place(goods.of(1))));
  assert.equal(new Set(outcomes.map(({ order }) => order.id)).size, 1);
  assert.equal(await goods.available(), 4);
});

test("after the outcome is acknowledged, the same order is a new one", async () => {
  const goods = await stock();
  const shop = client();
  const first = await shop.place(goods.of(1));
  assert.equal((await shop.place(goods.of(1))).order.id, first.order.id);
  await first.acknowledge();
  const second = await shop.place(goods.of(1));
  assert.notEqual(second.order.id, first.order.id);
  assert.equal(await goods.available(), 3);
});

test("a refusal is final, and says why", async () => {
  const goods = await stock(1);
  const outcome = await client().place(goods.of(2));
  assert.deepEqual([outcome.placed, outcome.status, outcome.order], [false, 409, null]);
  assert.equal(outcome.problem.type, "urn:surefire:problem:out-of-stock");
  assert.equal(network.seen.length, 1);
});

test("it gives up after its tries, and later continues with the same key", async () => {
  const goods = await stock();
  const shop = client({ tries: 3 });
  network.fates.push("answer-lost", "lost", 503);
  await assert.rejects(shop.place(goods.of(1)), OutcomeUnknown);
  assert.equal(network.seen.length, 3);
  const { outcomes, errors } = await shop.resume();
  assert.deepEqual(errors, []);
  assert.deepEqual([outcomes.length, outcomes[0].placed, outcomes[0].replayed], [1, true, true]);
  assert.equal(network.keys().size, 1);
  assert.equal(await goods.available(), 4);
});

test("a page that opens again finishes what the last one began", async () => {
  const goods = await stock();
  const store = new MemoryStore();
  network.fates.push("answer-lost");
  await assert.rejects(client({ store, tries: 1 }).place(goods.of(1)), OutcomeUnknown);
  const { outcomes } = await client({ store }).resume();
  assert.equal(outcomes[0].placed, true);
  // It is told until somebody has seen it.
  const again = await client({ store }).resume();
  assert.equal(again.outcomes[0].order.id, outcomes[0].order.id);
  await again.outcomes[0].acknowledge();
  assert.deepEqual((await client({ store }).resume()).outcomes, []);
  assert.equal(await goods.available(), 4);
});

test("another login neither sends nor sees the attempts of this one", async () => {
  const goods = await stock();
  const store = new MemoryStore();
  network.fates.push("answer-lost");
  await assert.rejects(client({ store, tries: 1 }).place(goods.of(1)), OutcomeUnknown);
  const sent = network.seen.length;
  const other = client({ store, account: "other", token: () => api.token("other") });
  const { outcomes, old } = await other.resume();
  assert.deepEqual([outcomes, old, network.seen.length], [[], [], sent]);
});

test("an attempt stops when another account logs in between two tries", async () => {
  const goods = await stock();
  let account = "demo";
  const shop = client({ account: () => account });
  shop.addEventListener("waiting", () => (account = "other"));
  network.fates.push("answer-lost");
  await assert.rejects(shop.place(goods.of(1)), LoginNeeded);
  assert.equal(network.seen.length, 1);
  account = "demo";
  assert.equal((await shop.resume()).outcomes[0].placed, true);
  assert.equal(await goods.available(), 4);
});

test("a refused token is asked for again, once, and never written down", async () => {
  const goods = await stock();
  const asked = [];
  const store = new MemoryStore();
  const give = (fresh) => (asked.push(fresh), fresh ? token : "expired");
  const outcome = await client({ token: give, store }).place(goods.of(1));
  assert.deepEqual([outcome.placed, asked], [true, [false, true]]);
  const kept = JSON.stringify(await store.list(network.url, "demo"));
  assert.ok(kept.includes(outcome.key) && !kept.includes(token) && !kept.includes("expired"), kept);
});

test("a token that stays refused keeps the attempt for the next login", async () => {
  const goods = await stock();
  const store = new MemoryStore();
  network.fates.push("answer-lost");
  let bearer = "expired";
  const shop = client({ token: () => bearer, store });
  await assert.rejects(shop.place(goods.of(1)), LoginNeeded);
  bearer = token;
  assert.equal((await shop.resume()).outcomes[0].placed, true);
  assert.equal(network.keys().size, 1);
});

test("a signal ends the waiting, not the order", async () => {
  const goods = await stock();
  const shop = client();
  const stop = new AbortController();
  network.fates.push("answer-lost");
  shop.addEventListener("waiting", () => stop.abort());
  const settled = new Promise((resolve) => shop.addEventListener("settled", resolve));
  await assert.rejects(shop.place(goods.of(1), { signal: stop.signal }), { name: "AbortError" });
  const { detail } = await settled;
  assert.equal(detail.placed, true);
  assert.equal(await goods.available(), 4);
});

test("an attempt is sent, handed over or forgotten by its age", async () => {
  const goods = await stock();
  const store = new MemoryStore();
  const now = Date.now();
  const at = { young: now - RESUME_MS_MAX / 2, old: now - 2 * RESUME_MS_MAX, tooOld: now - SEND_MS_MAX - 1 };
  const [young, old, tooOld] = [left(goods.of(1), at.young), left(goods.of(2), at.old), left(goods.of(3), at.tooOld)];
  // The clock was put back since: nobody knows how old this one is.
  const future = left(goods.of(4), now + 3_600_000);
  for (const attempt of [young, old, tooOld, future]) await store.begin(attempt);
  const shop = client({ store });
  const resumed = await shop.resume();
  assert.deepEqual(resumed.outcomes.map(({ key }) => key), [young.key]);
  assert.deepEqual(resumed.old.map(({ key }) => key), [old.key, future.key]);
  assert.equal(resumed.forgotten, 1);
  assert.deepEqual([...network.keys()], [young.key]);
  assert.equal((await resumed.old[0].send()).placed, true);
  await resumed.old[1].drop();
  const kept = (await store.list(network.url, "demo")).map(({ key }) => key);
  assert.deepEqual(kept, [young.key, old.key]);
  assert.equal(await goods.available(), 2);
});

test("an attempt that is too old to be sent does not stand in the way of a new order", async () => {
  const goods = await stock();
  const store = new MemoryStore();
  const tooOld = left(goods.of(1), Date.now() - SEND_MS_MAX - 1);
  await store.begin(tooOld);
  const outcome = await client({ store }).place(goods.of(1));
  assert.equal(outcome.placed, true);
  assert.notEqual(outcome.key, tooOld.key);
});

test("a repeat of an order that was cancelled since is not a thank-you", async () => {
  const goods = await stock();
  const shop = client({ tries: 1 });
  network.fates.push("answer-lost");
  await assert.rejects(shop.place(goods.of(1)), OutcomeUnknown);
  for await (const order of shop.list({ limit: 1 })) {
    await shop.cancel(order.id);
    break;
  }
  const [outcome] = (await shop.resume()).outcomes;
  assert.deepEqual([outcome.placed, outcome.ended, outcome.orderStatus], [false, true, "cancelled"]);
  assert.equal(outcome.order.status, "pending");
});

test("Retry-After is waited for, and pauses are random and grow", async () => {
  const goods = await stock();
  const shop = client({ pauseFirst: 10 });
  const pauses = [];
  shop.addEventListener("waiting", ({ detail }) => pauses.push(detail.milliseconds));
  network.fates.push({ status: 503, headers: { "retry-after": "1" } }, 503, 503);
  await shop.place(goods.of(1));
  assert.equal(pauses.length, 3);
  assert.ok(1_000 <= pauses[0] && pauses[0] < 1_010 && pauses[1] < 20 && pauses[2] < 40, pauses.join());
});

test("an answer that the API did not write decides nothing", async () => {
  const goods = await stock();
  const shop = client({ tries: 3 });
  const page = { status: 404, headers: { "content-type": "text/html" }, body: "<p>no such page" };
  network.fates.push({ ...page, status: 201 }, page, { status: 409, body: '{"message":"conflict"}' });
  await assert.rejects(shop.place(goods.of(1)), OutcomeUnknown);
  assert.equal((await shop.resume()).outcomes[0].placed, true);
});

test("orders are read, listed, confirmed and cancelled on the same network", async () => {
  const goods = await stock();
  const shop = client();
  const [first, second] = [await shop.place(goods.of(1)), await shop.place(goods.of(2))];
  network.fates.push("answer-lost");
  const confirmed = await shop.confirm(first.order.id, { payment_reference: `pay-${goods.sku}` });
  assert.equal(confirmed.status, "confirmed");
  await assert.rejects(shop.cancel(second.order.id, { ifMatch: '"7"' }), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.problem.type], [412, "urn:surefire:problem:has-changed"]);
    return true;
  });
  assert.equal((await shop.get(second.order.id)).status, "pending");
  const listed = [];
  for await (const order of shop.list({ limit: 1 })) listed.push(order.id);
  assert.deepEqual(listed.slice(0, 2), [second.order.id, first.order.id]);
});

test("without crypto the page gives the keys", async () => {
  const goods = await stock();
  let made = 0;
  const outcome = await client({ newKey: () => `key-${goods.sku}-${(made += 1)}` }).place(goods.of(1));
  assert.equal(outcome.key, `key-${goods.sku}-2`);
});
