// The types that openapi-typescript generates compile, and surefire.d.ts says the same as they do.

import type { components, operations } from "../../../.check/node/openapi.js";
import type { NewOrder, Order, OrderStatus } from "../surefire.js";

type Described = components["schemas"];
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

export const same: [
  Same<NewOrder, Described["NewOrder"]>,
  Same<Order, Described["Order"]>,
  Same<OrderStatus, Described["OrderStatus"]>,
] = [true, true, true];

type Placement = operations["placeOrder"];

export const request: Placement["requestBody"]["content"]["application/json"] = {
  currency: "KRW",
  lines: [{ sku: "TEA-01", quantity: 2, unit_price: 19_900 }],
};

export const headers: Placement["parameters"]["header"] = { "Idempotency-Key": "my-first-order" };

/** A problem is told apart by its type. */
export function availableOf(problem: Described["OutOfStock"] | Described["PriceChanged"]): number | undefined {
  return problem.type === "urn:surefire:problem:out-of-stock" ? problem.lines[0].available : undefined;
}
