// The shop: a page on the published client, surefire.js, and a network that can be made to fail.

import { network } from "/_local/network.js";
import { orders } from "/_local/surefire.js";

const element = (id) => document.getElementById(id);
const API = location.origin;

/** Text that survives a reload of this tab, where storage is not refused. */
function kept(storage, name, first) {
  try {
    if (storage().getItem(name) === null) storage().setItem(name, first);
    return { get: () => storage().getItem(name), set: (value) => storage().setItem(name, value) };
  } catch {
    let value = first;
    return { get: () => value, set: (next) => (value = next) };
  }
}

const account = kept(() => localStorage, "account", `guest-${Math.random().toString(36).slice(2, 8)}`).get();
const clicks = kept(() => sessionStorage, "clicks", "0");
const sent = kept(() => sessionStorage, "sent", "0");
element("account").textContent = account;

async function tokenOf(sub, scope) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch("/_local/token", { method: "POST", headers, body: JSON.stringify({ sub, scope }) });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()).token;
}

/** A token is asked for once, and again when the API refuses it. */
function tokens(sub, scope) {
  let token = null;
  return (fresh) => (token = fresh || !token ? tokenOf(sub, scope) : token);
}

const shop = orders(API, { account, token: tokens(account, "orders:read orders:write") });
const payments = orders(API, { account: "payments", token: tokens("payments", "orders:confirm") });

let products = [];

function count(counter, by, id) {
  counter.set(String(Number(counter.get()) + by));
  element(id).textContent = counter.get();
}

function say(text, kind = "") {
  element("says").textContent = text;
  element("says").className = `says ${kind}`;
}

const money = (amount, currency) =>
  new Intl.NumberFormat("en", { style: "currency", currency, minimumFractionDigits: 0 }).format(amount);

function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

async function showProducts() {
  const answer = await fetch(`${API}/products`).catch(() => null);
  if (!answer?.ok) return;
  products = (await answer.json()).products;
  const list = element("goods");
  for (const product of products) {
    const id = `of-${product.sku}`;
    if (!document.getElementById(id)) {
      const item = make("li", "");
      const price = product.sellable ? money(product.unit_price, product.currency) : "not for sale";
      const label = make("label", product.name, { for: id, class: "name" });
      const number = make("input", "", { id, type: "number", min: 0, max: 99, value: 0, inputmode: "numeric" });
      number.disabled = !product.sellable;
      if (list.childElementCount === 0) number.value = 1;
      item.append(label, make("span", price), make("span", "", { class: "quiet", id: `left-${product.sku}` }), number);
      list.append(item);
    }
    element(`left-${product.sku}`).textContent = `${product.available} left`;
  }
  element("left").textContent = products.reduce((sum, { available }) => sum + available, 0);
  showTotal();
}

function lines() {
  const quantity = ({ sku }) => Number(element(`of-${sku}`)?.value) || 0;
  const chosen = products.filter((product) => 0 < quantity(product));
  return chosen.map((product) => ({ sku: product.sku, quantity: quantity(product), unit_price: product.unit_price }));
}

function showTotal() {
  const total = lines().reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
  element("total").textContent = money(total, "KRW");
}

async function showOrders() {
  const all = [];
  try {
    for await (const order of shop.list({ limit: 100 })) all.push(order);
  } catch {
    return;
  }
  element("placed").textContent = all.length;
  const focused = focusedOrder();
  element("orders").replaceChildren(...all.slice(0, 10).map(orderItem));
  focused?.();
  if (all.length === 0) element("orders").append(make("li", "None yet.", { class: "quiet" }));
}

/** Where the keyboard is in the list of orders: a function that brings it back when the list was drawn again. */
function focusedOrder() {
  const item = document.activeElement?.closest("#orders > li");
  if (!item) return null;
  return () => {
    const again = document.querySelector(`#orders > li[data-order="${item.dataset.order}"]`);
    (again?.querySelector("button") ?? again ?? element("order")).focus();
  };
}

function orderItem(order) {
  // The item itself can have the focus when its last button is gone.
  const item = make("li", "", { "data-order": order.id, tabindex: -1 });
  const what = order.lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(", ");
  item.append(make("span", `${what}, ${money(order.total, order.currency)}`));
  item.append(make("span", order.status, { class: "quiet" }));
  const buttons = make("span", "", { class: "row" });
  const act = (text, run) => {
    const button = make("button", text, { "aria-label": `${text}: ${what}` });
    button.addEventListener("click", () => run().catch((error) => say(error.message, "bad")).finally(show));
    buttons.append(button);
  };
  if (order.status === "pending") {
    act("Pay", () => payments.confirm(order.id, { payment_reference: `pay-${order.id}` }));
  }
  if (order.status === "pending" || order.status === "confirmed") act("Cancel", () => shop.cancel(order.id));
  item.append(buttons);
  return item;
}

const show = () => Promise.all([showProducts(), showOrders()]);

/** Says an outcome to the customer, and only then lets the client forget it. */
async function tell(outcome) {
  if (outcome.placed) say(`Thank you. Your order is ${outcome.order.id}.`);
  else if (outcome.ended) say("This order has ended, and nothing is reserved. Please order again.", "bad");
  else say(outcome.problem.detail, "bad");
  await outcome.acknowledge();
  await show();
}

async function order(times) {
  const chosen = lines();
  if (chosen.length === 0) return say("Choose at least one piece.", "bad");
  count(clicks, times, "clicks");
  say("Ordering …", "wait");
  const all = Array.from({ length: times }, () => shop.place({ currency: "KRW", lines: chosen }));
  const ended = await Promise.allSettled(all);
  const outcomes = ended.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  if (outcomes.length === 0) {
    return say(`${ended[0].reason.message} Press again: you will not order twice.`, "wait");
  }
  await tell(outcomes[0]);
}

async function resume() {
  const { outcomes, errors, old } = await shop.resume();
  for (const outcome of outcomes) {
    network.log("an order of the page before is finished");
    await tell(outcome);
  }
  if (0 < errors.length) say(errors[0].message, "wait");
  element("old").replaceChildren(...old.map(oldAttempt));
}

/** Asks what to do with an order that nobody knows the outcome of, and that is not young any more. */
function oldAttempt(attempt) {
  const what = attempt.order.lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(", ");
  const row = make("div", `Did you still want ${what} of ${attempt.at.toLocaleString()}? `, { class: "row" });
  const button = (text, run) => {
    const made = make("button", text);
    made.addEventListener("click", () => {
      row.remove();
      run().catch((error) => say(error.message, "bad"));
    });
    row.append(made);
  };
  button("Yes, order it", async () => tell(await attempt.send()));
  button("No", () => attempt.drop());
  return row;
}

async function fault(method, body) {
  const answer = await fetch("/_local/fault", { method, body });
  element("broken").textContent = answer.ok ? (await answer.text()).trim() : "This server watches no alarms.";
}

async function showAlarms() {
  const answer = await fetch("/_local/alarms").catch(() => null);
  if (!answer?.ok) return;
  const firing = (await answer.json()).alarms.filter(({ state }) => state === "ALARM").map(({ name }) => name);
  if (0 < firing.length) element("broken").textContent = `In alarm: ${firing.join(", ")}`;
}

element("basket").addEventListener("submit", (event) => {
  event.preventDefault();
  order(1);
});
element("basket").addEventListener("input", showTotal);
element("twenty").addEventListener("click", () => order(20));
for (const button of document.querySelectorAll("[data-fate]")) {
  button.addEventListener("click", () => network.choose(button.dataset.fate));
}
element("offline").addEventListener("click", () => network.setOffline(!network.offline));
element("break").addEventListener("click", () => fault("POST", "dynamodb=error:3m"));
element("mend").addEventListener("click", () => fault("DELETE"));

network.addEventListener("fate", ({ detail }) => {
  for (const button of document.querySelectorAll("[data-fate]")) {
    button.setAttribute("aria-pressed", String(button.dataset.fate === detail));
  }
});
network.addEventListener("sent", () => count(sent, 1, "sent"));
network.addEventListener("log", ({ detail }) => {
  element("offline").setAttribute("aria-pressed", String(network.offline));
  element("log").append(make("li", detail));
  element("log").lastChild.scrollIntoView({ block: "nearest" });
});
shop.addEventListener("waiting", ({ detail }) => {
  say(`No answer yet. Trying again in ${(detail.milliseconds / 1_000).toFixed(1)} s with the same key.`, "wait");
  network.log(`try ${detail.tries} got ${detail.status ?? "no answer"}`);
});

element("clicks").textContent = clicks.get();
element("sent").textContent = sent.get();
await show();
await resume();
setInterval(showAlarms, 5_000);
