// Places orders exactly once, also across reloads, tabs and lost answers.
//
// Each attempt has a key and the bytes that go with it. Both are written down before the first byte
// leaves, so that a page which is reloaded, killed or offline finishes the attempt instead of making
// another one. README.md says what a page has to do; surefire.d.ts says what everything is.
// @ts-check

/** @typedef {import("./surefire.d.ts").Answer} Answer */
/** @typedef {import("./surefire.d.ts").Attempt} Attempt */
/** @typedef {import("./surefire.d.ts").Client} Client */
/** @typedef {import("./surefire.d.ts").Options} Options */
/** @typedef {import("./surefire.d.ts").Outcome} Outcome */
/** @typedef {import("./surefire.d.ts").Store} Store */
/** @typedef {import("./surefire.d.ts").Decision} Decision */

/** `resume()` sends attempts that are younger than this by itself. The page decides about older ones. */
export const RESUME_MS_MAX = 15 * 60_000;
/** Older attempts are never sent again: the API forgets a refusal after 14 days. */
export const SEND_MS_MAX = 13 * 24 * 3_600_000;

const TRIES_MAX = 7;
const PAUSE_FIRST_MS = 250;
const PAUSE_MS_MAX = 8_000;
const RETRY_AFTER_MS_MAX = 60_000;
const ANSWER_MS_MAX = 15_000;
/** A store that does not open by then is taken for one that is refused. */
const OPEN_MS_MAX = 1_000;
/** How often a page looks whether another tab has finished an attempt. */
const LOOK_MS = 250;
/** After this the owner of an attempt is taken for dead. Two owners do no harm: they send the same bytes. */
const OWNER_MS_MAX = 60_000;
/** A clock that was put back by more than this makes an attempt's age unknown. */
const CLOCK_MS_MAX = 60_000;

/** Nobody knows yet whether the order was placed. The attempt is kept: `place` or `resume` continues it. */
export class OutcomeUnknown extends Error {
  name = "OutcomeUnknown";

  /** @param {string} key @param {string} message */
  constructor(key, message = "Nobody knows yet whether the order was placed.") {
    super(message);
    this.key = key;
  }
}

/** The token was refused, and so was a fresh one. The attempt is kept until somebody logs in. */
export class LoginNeeded extends OutcomeUnknown {
  name = "LoginNeeded";

  /** @param {string} key */
  constructor(key) {
    super(key, "The API refuses the token. Log in again.");
  }
}

/** The API answered with a problem. */
export class ApiError extends Error {
  name = "ApiError";

  /** @param {Answer} answer */
  constructor(answer) {
    super(answer.body?.detail ?? answer.body?.message ?? `The API answered ${answer.status}.`);
    this.status = answer.status;
    this.problem = answer.body ?? null;
  }
}

/** @type {typeof import("./surefire.d.ts").orders} */
export function orders(api, options) {
  return new Orders(api.replace(/\/+$/, ""), options);
}

/** @implements {Client} */
class Orders extends EventTarget {
  /** @type {Map<string, Promise<Outcome>>} The attempts that this page drives now, by key. */
  #driven = new Map();
  #page = new Page();

  /** @param {string} api @param {Options} options */
  constructor(api, options) {
    super();
    this.api = api;
    this.options = options;
    this.newKey = options.newKey ?? newKey;
    this.tries = options.tries ?? TRIES_MAX;
    this.pauseFirst = options.pauseFirst ?? PAUSE_FIRST_MS;
    this.owner = ownerOfTab(this.newKey);
    /** @type {Promise<Store>} */
    this.store = options.store ? Promise.resolve(options.store) : openStore();
    this.durable = this.store.then((store) => store.durable);
  }

  get account() {
    const { account } = this.options;
    const name = typeof account === "function" ? account() : account;
    if (typeof name !== "string" || name === "") throw new TypeError("account must name who is logged in");
    return name;
  }

  /** @param {unknown} order @param {{signal?: AbortSignal}} [how] @returns {Promise<Outcome>} */
  async place(order, { signal } = {}) {
    signal?.throwIfAborted();
    const fresh = {
      key: this.newKey(), api: this.api, account: this.account, body: JSON.stringify(order), at: Date.now(),
    };
    const store = await this.store;
    let attempt = await store.begin(fresh);
    if (!attempt.decision && SEND_MS_MAX <= fresh.at - attempt.at) {
      // It can never be sent again, and must not stand in the way of this click.
      await store.remove(attempt.key);
      attempt = await store.begin(fresh);
    }
    return waitWith(signal, this.#drive(attempt));
  }

  async resume() {
    const { account, api } = this;
    const now = Date.now();
    const all = await (await this.store).list(api, account);
    /** @type {Promise<Outcome>[]} */
    const running = [];
    const old = [];
    let forgotten = 0;
    for (const attempt of all) {
      const age = now - attempt.at;
      if (attempt.decision) running.push(this.#drive(attempt));
      else if (SEND_MS_MAX <= age) {
        await this.#forget(attempt.key);
        forgotten += 1;
      } else if (age < RESUME_MS_MAX && -CLOCK_MS_MAX < age) running.push(this.#drive(attempt));
      else {
        const key = attempt.key;
        const send = () => this.#drive(attempt);
        old.push({ key, at: new Date(attempt.at), order: JSON.parse(attempt.body), send, drop: () => this.#forget(key) });
      }
    }
    const ended = await Promise.allSettled(running);
    const outcomes = ended.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const errors = ended.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    return { outcomes, errors, old, forgotten };
  }

  /** @param {string} id @param {{signal?: AbortSignal}} [how] */
  async get(id, how) {
    return (await this.#call("GET", `/orders/${encodeURIComponent(id)}`, how)).body;
  }

  /** @param {string} id @param {{signal?: AbortSignal, ifMatch?: string}} [how] */
  async cancel(id, how) {
    return (await this.#call("POST", `/orders/${encodeURIComponent(id)}/cancel`, how, {})).body;
  }

  /** @param {string} id @param {unknown} payment @param {{signal?: AbortSignal, ifMatch?: string}} [how] */
  async confirm(id, payment, how) {
    return (await this.#call("POST", `/orders/${encodeURIComponent(id)}/confirm`, how, payment)).body;
  }

  /** @param {{limit?: number, day?: string, customer?: string, status?: string, signal?: AbortSignal}} [what] */
  async *list({ signal, ...what } = {}) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(what)) if (value !== undefined) query.set(name, String(value));
    for (;;) {
      const page = (await this.#call("GET", `/orders?${query}`, { signal })).body;
      yield* page.orders;
      if (page.next_cursor === null) return;
      query.set("cursor", page.next_cursor);
    }
  }

  close() {
    this.#page.close();
  }

  /** One driver for each attempt in this page: whoever asks waits for the same promise. @param {Attempt} attempt */
  #drive(attempt) {
    let driven = this.#driven.get(attempt.key);
    if (!driven) {
      driven = this.#finish(attempt).finally(() => this.#driven.delete(attempt.key));
      // `signal` may leave nobody waiting. The attempt is kept, so an error is not lost.
      driven.catch(() => {});
      this.#driven.set(attempt.key, driven);
    }
    return driven;
  }

  /** Sends an attempt as its owner, or waits until the owner has finished it. @param {Attempt} attempt */
  async #finish(attempt) {
    const store = await this.store;
    const begun = performance.now();
    for (;;) {
      await this.#page.shown();
      const decided = await store.decision(attempt.key);
      if (decided) return this.#told(attempt, decided, store);
      const steal = OWNER_MS_MAX < performance.now() - begun;
      const owned = await own(store, attempt.key, this.owner, steal, this.#page, () => this.#send(attempt, store));
      if (owned) return this.#told(attempt, owned, store);
      await this.#page.sleep(LOOK_MS);
    }
  }

  /** @param {Attempt} attempt @param {Store} store @returns {Promise<Decision | null>} `null` if the page was left. */
  async #send(attempt, store) {
    let refreshed = false;
    for (let tries = 1; ; tries += 1) {
      const age = Date.now() - attempt.at;
      if (SEND_MS_MAX <= age) throw new OutcomeUnknown(attempt.key, "This attempt is too old to be sent again.");
      if (!this.#page.isShown) return null;
      const bearer = await this.options.token(refreshed);
      // The order's id contains the caller: under another login this would be another order.
      if (this.account !== attempt.account) throw new LoginNeeded(attempt.key);
      this.#tell("trying", { key: attempt.key, tries, durable: store.durable });
      const headers = { "idempotency-key": attempt.key };
      const answer = await this.#fetch("POST", "/orders", bearer, headers, attempt.body).catch(() => null);
      if (answer && isFinal(answer)) return store.settle(attempt.key, decisionOf(answer));
      if (!this.#page.isShown) return null;
      if (isRefusedToken(answer)) {
        if (refreshed) throw new LoginNeeded(attempt.key);
        refreshed = true;
        continue;
      }
      if (this.tries <= tries) throw new OutcomeUnknown(attempt.key);
      const milliseconds = pauseAfter(tries, this.pauseFirst, answer);
      this.#tell("waiting", { key: attempt.key, tries, milliseconds, status: answer?.status ?? null });
      await this.#page.sleep(milliseconds);
      await store.renew?.(attempt.key, this.owner, Date.now(), OWNER_MS_MAX);
    }
  }

  /** @param {Attempt} attempt @param {Decision} decision @param {Store} store @returns {Outcome} */
  #told(attempt, decision, store) {
    const outcome = outcomeOf(attempt, decision, store.durable, () => this.#forget(attempt.key));
    this.#tell("settled", outcome);
    return outcome;
  }

  /** @param {string} key */
  async #forget(key) {
    await (await this.store).remove(key);
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * A call that may be repeated, and so is.
   * @param {string} method @param {string} path @param {{signal?: AbortSignal, ifMatch?: string}} [how]
   * @param {unknown} [body] @returns {Promise<Answer>}
   */
  async #call(method, path, { signal, ifMatch } = {}, body) {
    let refreshed = false;
    /** @type {Record<string, string>} */
    const headers = ifMatch === undefined ? {} : { "if-match": ifMatch };
    const text = body === undefined ? undefined : JSON.stringify(body);
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted();
      const bearer = await this.options.token(refreshed);
      const answer = await this.#fetch(method, path, bearer, headers, text, signal).catch(() => null);
      signal?.throwIfAborted();
      if (isRefusedToken(answer) && !refreshed) refreshed = true;
      else if (answer && answer.status < 500 && answer.status !== 429) {
        if (answer.status < 300) return answer;
        throw new ApiError(answer);
      } else if (this.tries <= tries) {
        throw answer ? new ApiError(answer) : new TypeError("The API gives no answer.");
      } else await waitWith(signal, this.#page.sleep(pauseAfter(tries, this.pauseFirst, answer)));
    }
  }

  /**
   * @param {string} method @param {string} path @param {string} bearer @param {Record<string, string>} more
   * @param {string} [body] @param {AbortSignal} [signal] @returns {Promise<Answer>}
   */
  async #fetch(method, path, bearer, more, body, signal) {
    /** @type {Record<string, string>} */
    const headers = { ...more, authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const limits = [AbortSignal.timeout(ANSWER_MS_MAX), this.#page.left, ...(signal ? [signal] : [])];
    const response = await fetch(this.api + path, { method, headers, body, signal: anyOf(limits), cache: "no-store" });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }
}

/** What the page around the client does: it is left, comes back, gets a network. */
class Page {
  #leaving = new AbortController();
  /** @type {Set<() => void>} */
  #waiting = new Set();
  #listeners = new AbortController();
  isShown = true;

  constructor() {
    if (typeof document === "undefined") return;
    const until = { signal: this.#listeners.signal };
    // A request or a lock that is held keeps a page out of the back-forward cache.
    addEventListener("pagehide", () => this.#leave(), until);
    addEventListener("pageshow", (event) => event.persisted && this.#comeBack(), until);
    addEventListener("online", () => this.#wake(), until);
  }

  /** Aborts when the page is left. */
  get left() {
    return this.#leaving.signal;
  }

  close() {
    this.#listeners.abort();
  }

  #leave() {
    this.isShown = false;
    this.#leaving.abort();
    this.#wake();
  }

  #comeBack() {
    this.#leaving = new AbortController();
    this.isShown = true;
    this.#wake();
  }

  #wake() {
    for (const wake of [...this.#waiting]) wake();
  }

  async shown() {
    while (!this.isShown) await this.sleep(OWNER_MS_MAX);
  }

  /** Ends early when the network comes back, or the page is left or shown. @param {number} milliseconds */
  sleep(milliseconds) {
    return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#waiting.add(end);
    });
  }
}

/**
 * Runs `work` if no other tab owns the attempt. `null` if one does, or if the page was left.
 * @param {Store} store @param {string} key @param {string} owner @param {boolean} steal @param {Page} page
 * @param {() => Promise<Decision | null>} work @returns {Promise<Decision | null>}
 */
async function own(store, key, owner, steal, page, work) {
  const locks = globalThis.navigator?.locks;
  if (!store.durable) return work();
  if (locks) {
    const how = steal ? { steal: true } : { ifAvailable: true };
    try {
      return await locks.request(`surefire ${key}`, how, (lock) => (lock ? work() : null));
    } catch (error) {
      // Another tab took the lock. It finishes the attempt.
      if (error instanceof DOMException && error.name === "AbortError") return null;
      throw error;
    }
  }
  if (!store.lease || !store.release) return work();
  if (!steal && !(await store.lease(key, owner, Date.now(), OWNER_MS_MAX))) return null;
  const release = () => void store.release?.(key, owner);
  page.left.addEventListener("abort", release, { once: true });
  try {
    return await work();
  } finally {
    await store.release(key, owner);
  }
}

/** Whether the API has decided. @param {Answer} answer */
function isFinal(answer) {
  if (answer.body === null) return false;
  if (answer.status === 201) return typeof answer.body.id === "string";
  const type = answer.headers.get("content-type") ?? "";
  return 400 <= answer.status && answer.status < 500 && type.includes("problem+json");
}

/** 401, or a 403 that the API's own code did not write. @param {Answer | null} answer */
function isRefusedToken(answer) {
  return answer !== null && !isFinal(answer) && [401, 403].includes(answer.status);
}

/** @param {Answer} answer @returns {Decision} */
function decisionOf(answer) {
  return {
    status: answer.status, text: answer.text, replayed: answer.headers.get("idempotent-replayed") === "true",
    orderStatus: answer.headers.get("order-status"),
  };
}

/** @param {Attempt} attempt @param {Decision} decision @param {boolean} durable @param {() => Promise<void>} acknowledge */
function outcomeOf(attempt, decision, durable, acknowledge) {
  const body = JSON.parse(decision.text);
  const order = decision.status === 201 ? body : null;
  const orderStatus = order && (decision.orderStatus ?? order.status);
  // A repeat gets the first answer. Only its header says that the order has ended since.
  const ended = orderStatus === "cancelled" || orderStatus === "expired";
  return {
    key: attempt.key, status: decision.status, placed: order !== null && !ended, ended, order, orderStatus,
    problem: order ? null : body, replayed: decision.replayed, durable, acknowledge,
  };
}

/** A random pause, after the seconds that the API asks for. @param {number} tries @param {number} first @param {Answer | null} answer */
function pauseAfter(tries, first, answer) {
  const asked = 1_000 * (Number(answer?.headers.get("retry-after")) || 0);
  const most = Math.min(PAUSE_MS_MAX, first * 2 ** (tries - 1));
  return Math.min(Math.max(asked, 0), RETRY_AFTER_MS_MAX) + Math.random() * most;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @template T @param {AbortSignal | undefined} signal @param {Promise<T>} promise @returns {Promise<T>} */
function waitWith(signal, promise) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const give = () => reject(signal.reason);
    if (signal.aborted) return give();
    signal.addEventListener("abort", give, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
}

/** As `AbortSignal.any`, which Safari has since 17.4. @param {AbortSignal[]} signals */
function anyOf(signals) {
  if (AbortSignal.any) return AbortSignal.any(signals);
  const all = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) all.abort(signal.reason);
    else signal.addEventListener("abort", () => all.abort(signal.reason), { once: true });
  }
  return all.signal;
}

/** A random UUID. `randomUUID` exists only where the page is secure. */
function newKey() {
  const crypto = globalThis.crypto;
  if (crypto?.randomUUID) return crypto.randomUUID();
  if (!crypto?.getRandomValues) throw new Error("There is no crypto here: give the option newKey.");
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Names this tab. A reload keeps the name, so that it does not wait for the lease of the page before. @param {() => string} newKey */
function ownerOfTab(newKey) {
  try {
    const owner = sessionStorage.getItem("surefire owner") ?? newKey();
    sessionStorage.setItem("surefire owner", owner);
    return owner;
  } catch {
    return newKey();
  }
}

/** The attempts in IndexedDB, or in memory where there is none. @returns {Promise<Store>} */
async function openStore() {
  const database = await openDatabase().catch(() => null);
  return database ? new DatabaseStore(database) : new MemoryStore();
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    let late = false;
    // Some browsers never answer where storage is refused.
    const timer = setTimeout(() => {
      late = true;
      reject(new Error("IndexedDB does not open"));
    }, OPEN_MS_MAX);
    const opening = indexedDB.open("surefire", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("attempts", { keyPath: "key" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      clearTimeout(timer);
      const database = opening.result;
      if (late) database.close();
      else resolve(database);
      // A later version of this file may want to change the database.
      database.onversionchange = () => database.close();
    };
  });
}

/** @param {Attempt} one @param {Attempt} other */
function isSame(one, other) {
  return one.api === other.api && one.account === other.account && one.body === other.body;
}

/** @param {Attempt} attempt @param {string} owner @param {number} now @param {number} most */
function isFree(attempt, owner, now, most) {
  const lease = attempt.lease;
  // A lease that ends later than any could is of a clock that was put back.
  return !lease || lease.owner === owner || lease.until <= now || now + most < lease.until;
}

/** Attempts that a reload forgets. @implements {Store} */
export class MemoryStore {
  durable = false;
  /** @type {Map<string, Attempt>} */
  #attempts = new Map();

  /** @param {Attempt} fresh */
  async begin(fresh) {
    for (const attempt of this.#attempts.values()) if (isSame(attempt, fresh)) return attempt;
    this.#attempts.set(fresh.key, fresh);
    return fresh;
  }

  /** @param {string} key @param {Decision} decision */
  async settle(key, decision) {
    const attempt = this.#attempts.get(key);
    if (attempt) attempt.decision ??= decision;
    return attempt?.decision ?? decision;
  }

  /** @param {string} key */
  async decision(key) {
    return this.#attempts.get(key)?.decision ?? null;
  }

  /** @param {string} api @param {string} account */
  async list(api, account) {
    return [...this.#attempts.values()].filter((it) => it.api === api && it.account === account);
  }

  /** @param {string} key */
  async remove(key) {
    this.#attempts.delete(key);
  }
}

/** Attempts in IndexedDB. Where a write fails, they go on in memory. @implements {Store} */
class DatabaseStore {
  durable = true;
  #memory = new MemoryStore();

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  /**
   * Runs one transaction. Its promise is kept when the disk has it.
   * @template T @param {(attempts: IDBObjectStore, give: (result: T) => void) => void} act @returns {Promise<T>}
   */
  #write(act) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction("attempts", "readwrite", { durability: "strict" });
      /** @type {T} */
      let result;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
      act(transaction.objectStore("attempts"), (given) => {
        result = given;
      });
    });
  }

  /** Reads attempts. @template T @param {(attempts: IDBObjectStore) => IDBRequest<T>} act @returns {Promise<T>} */
  #read(act) {
    return new Promise((resolve, reject) => {
      const read = act(this.database.transaction("attempts", "readonly").objectStore("attempts"));
      read.onsuccess = () => resolve(read.result);
      read.onerror = () => reject(read.error);
    });
  }

  /** Changes one attempt. @template T @param {string} key @param {(attempt: Attempt | undefined) => [T, Attempt?]} change */
  #change(key, change) {
    return this.#write((/** @type {IDBObjectStore} */ attempts, /** @type {(result: T) => void} */ give) => {
      const read = attempts.get(key);
      read.onsuccess = () => {
        const [result, changed] = change(read.result);
        give(result);
        if (changed) attempts.put(changed);
      };
    });
  }

  /** Finds the attempt with these bytes or writes this one, in one transaction. @param {Attempt} fresh @returns {Promise<Attempt>} */
  async begin(fresh) {
    const [inMemory] = (await this.#memory.list(fresh.api, fresh.account)).filter((it) => isSame(it, fresh));
    if (inMemory) return inMemory;
    try {
      return await this.#write((attempts, give) => {
        const all = attempts.getAll();
        all.onsuccess = () => {
          const open = all.result.find((/** @type {Attempt} */ attempt) => isSame(attempt, fresh));
          give(open ?? fresh);
          if (!open) attempts.add(fresh);
        };
      });
    } catch {
      // The disk is full, or the database was closed: better an order that a reload forgets than none.
      this.durable = false;
      return this.#memory.begin(fresh);
    }
  }

  /** @param {string} key @param {Decision} decision @returns {Promise<Decision>} */
  async settle(key, decision) {
    const kept = await this.#memory.settle(key, decision);
    const change = (/** @type {Attempt | undefined} */ attempt) => {
      /** @type {[Decision, Attempt?]} */
      const result = !attempt ? [kept] : attempt.decision ? [attempt.decision] : [kept, { ...attempt, decision: kept }];
      return result;
    };
    // If it cannot be written, the attempt stays open, and `resume` gets the same answer again.
    return this.#change(key, change).catch(() => kept);
  }

  /** @param {string} key */
  async decision(key) {
    const kept = await this.#memory.decision(key);
    const read = async () => (await this.#read((attempts) => attempts.get(key)))?.decision ?? null;
    return kept ?? read().catch(() => null);
  }

  /** @param {string} api @param {string} account @returns {Promise<Attempt[]>} */
  async list(api, account) {
    const kept = await this.#memory.list(api, account);
    /** @type {Attempt[]} */
    const written = await this.#read((attempts) => attempts.getAll()).catch(() => []);
    return [...kept, ...written.filter((it) => it.api === api && it.account === account)];
  }

  /** @param {string} key */
  async remove(key) {
    await this.#memory.remove(key);
    // If it cannot be deleted, `resume` tells it again.
    await this.#write((attempts) => void attempts.delete(key)).catch(() => {});
  }

  /** @param {string} key @param {string} owner @param {number} now @param {number} most @returns {Promise<boolean>} */
  lease(key, owner, now, most) {
    return this.#change(key, (attempt) => {
      /** @type {[boolean, Attempt?]} */
      const taken = !attempt ? [true] : [false];
      if (!attempt || !isFree(attempt, owner, now, most)) return taken;
      return [true, { ...attempt, lease: { owner, until: now + most } }];
    });
  }

  /** @param {string} key @param {string} owner @param {number} now @param {number} most */
  async renew(key, owner, now, most) {
    if (!globalThis.navigator?.locks) await this.lease(key, owner, now, most);
  }

  /** @param {string} key @param {string} owner @returns {Promise<void>} */
  release(key, owner) {
    return this.#change(key, (attempt) => {
      /** @type {[undefined, Attempt?]} */
      const kept = [undefined];
      if (attempt?.lease?.owner !== owner) return kept;
      const { lease: _, ...rest } = attempt;
      return [undefined, rest];
    });
  }
}
