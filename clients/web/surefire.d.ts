/** What the page writes down before the first byte leaves. It has no token. */
export interface Attempt {
  key: string;
  /** The API's address. */
  api: string;
  /** Who was logged in. Under another login the same key would be another order. */
  account: string;
  /** The bytes of every try. */
  body: string;
  /** When it began, in milliseconds since 1970. */
  at: number;
  decision?: Decision;
  /** Which page sends it, where there are no Web Locks. */
  lease?: { owner: string; until: number };
}

/** The API's final answer. */
export interface Decision {
  status: number;
  text: string;
  replayed: boolean;
  orderStatus: string | null;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

export interface Line {
  sku: string;
  quantity: number;
  /** The price that the customer saw, in the currency's smallest unit. */
  unit_price: number;
}

export interface NewOrder {
  currency: string;
  lines: Line[];
  reference?: string;
  metadata?: Record<string, string>;
}

export type OrderStatus = "pending" | "confirmed" | "fulfilled" | "cancelled" | "expired";

export interface Order extends NewOrder {
  id: string;
  status: OrderStatus;
  total: number;
  version: number;
  created_at: string;
  hold_expires_at: string;
  confirmed_at?: string;
  payment_reference?: string;
  cancelled_at?: string;
  expired_at?: string;
  fulfilled_at?: string;
  fulfilment_reference?: string;
  returned?: { sku: string; quantity: number }[];
}

/** A problem document (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  request_id: string;
  [member: string]: unknown;
}

/** A final answer. It is kept, and told again by `resume`, until the page acknowledges it. */
export interface Outcome {
  key: string;
  status: number;
  /** The order is placed and has not ended. Only then is it time to say thank you. */
  placed: boolean;
  /** It was placed, but has expired or was cancelled since. */
  ended: boolean;
  order: Order | null;
  /** Where the order stands now. `order.status` is where it stood at first. */
  orderStatus: OrderStatus | null;
  problem: Problem | null;
  replayed: boolean;
  /** Whether a reload would have found the attempt. */
  durable: boolean;
  /** Call it when the customer has seen the outcome. Then the attempt is deleted. */
  acknowledge(): Promise<void>;
}

/** An attempt that is too old to be sent without asking. */
export interface OldAttempt {
  key: string;
  at: Date;
  order: NewOrder;
  /** Sends it, or gives the first answer again. */
  send(): Promise<Outcome>;
  /** Forgets it. If it was placed after all, the order is in `list()`. */
  drop(): Promise<void>;
}

export interface Resumed {
  outcomes: Outcome[];
  /** Why others have no outcome yet. They are kept. */
  errors: unknown[];
  old: OldAttempt[];
  /** How many were more than 13 days old and are deleted now. */
  forgotten: number;
}

/** Where attempts are written down. Every promise is kept when the write is safe. */
export interface Store {
  /** Whether a reload finds what was written. */
  durable: boolean;
  /** Finds the attempt of the same API, account and body, or writes this one: in one step. */
  begin(attempt: Attempt): Promise<Attempt>;
  /** Writes the decision, unless there is one: in one step. Gives the decision that counts. */
  settle(key: string, decision: Decision): Promise<Decision>;
  decision(key: string): Promise<Decision | null>;
  list(api: string, account: string): Promise<Attempt[]>;
  remove(key: string): Promise<void>;
  lease?(key: string, owner: string, now: number, milliseconds: number): Promise<boolean>;
  renew?(key: string, owner: string, now: number, milliseconds: number): Promise<void>;
  release?(key: string, owner: string): Promise<void>;
}

export interface Options {
  /** Gives a token. `fresh` is true after the API has refused one. It is called once for each try. */
  token(fresh: boolean): string | Promise<string>;
  /** Who is logged in, such as the token's subject. */
  account: string | (() => string);
  /** Default: IndexedDB, or memory where there is none. */
  store?: Store;
  /** Makes a key that nobody else makes. Needed where there is no `crypto`. */
  newKey?: () => string;
  /** How often an attempt is sent before `place` gives up for now. Default: 7. */
  tries?: number;
  /** The longest first pause between tries, in milliseconds; doubled each time. Default: 250. */
  pauseFirst?: number;
}

export interface Repeatable {
  signal?: AbortSignal;
  /** The version that you saw, as `"3"` with its quotes. */
  ifMatch?: string;
}

/**
 * Events: `trying` (`{key, tries, durable}`), `waiting` (`{key, tries, milliseconds, status}`) and `settled` (an
 * `Outcome`), each in `detail`.
 */
export interface Client extends EventTarget {
  /** Whether a reload will find the attempts of this page. */
  readonly durable: Promise<boolean>;
  /**
   * Places an order, or joins the attempt that has the same bytes. Rejects with `OutcomeUnknown` when every try failed,
   * and with `LoginNeeded` when the token is refused: call it or `resume` again. `signal` ends the waiting, not the
   * attempt.
   */
  place(order: NewOrder, how?: { signal?: AbortSignal }): Promise<Outcome>;
  /** Call it when the page opens: finishes what an earlier page began. */
  resume(): Promise<Resumed>;
  get(id: string, how?: { signal?: AbortSignal }): Promise<Order>;
  cancel(id: string, how?: Repeatable): Promise<Order>;
  confirm(
    id: string,
    payment: { payment_reference: string; amount?: number; currency?: string },
    how?: Repeatable,
  ): Promise<Order>;
  list(what?: {
    limit?: number;
    day?: string;
    customer?: string;
    status?: OrderStatus;
    signal?: AbortSignal;
  }): AsyncGenerator<Order, void>;
  /** Stops listening to the page. */
  close(): void;
}

export function orders(api: string, options: Options): Client;

export class OutcomeUnknown extends Error {
  key: string;
}
export class LoginNeeded extends OutcomeUnknown {}
export class ApiError extends Error {
  status: number;
  problem: Problem | null;
}
export class MemoryStore implements Store {
  durable: boolean;
  begin(attempt: Attempt): Promise<Attempt>;
  settle(key: string, decision: Decision): Promise<Decision>;
  decision(key: string): Promise<Decision | null>;
  list(api: string, account: string): Promise<Attempt[]>;
  remove(key: string): Promise<void>;
}
export const RESUME_MS_MAX: number;
export const SEND_MS_MAX: number;
