// A network that can be made to fail: it stands between the client and the API, in place of `fetch`.

const SLOW_MS = 3_000;
/** Time for the request to leave before the page is killed. */
const KILL_MS = 60;
const PLACEMENT = "/orders";

const send = globalThis.fetch.bind(globalThis);
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const lost = () => new TypeError("Failed to fetch");

/** What happens to the next placement, `null` if nothing; and whether there is no network at all. */
export const network = new (class extends EventTarget {
  fate = null;
  offline = false;

  choose(fate) {
    this.fate = this.fate === fate ? null : fate;
    this.#changed("fate", this.fate);
  }

  setOffline(offline) {
    this.offline = offline;
    this.#changed("log", offline ? "offline" : "online again");
    if (!offline) dispatchEvent(new Event("online"));
  }

  take() {
    const fate = this.fate;
    this.fate = null;
    if (fate) this.#changed("fate", null);
    return fate;
  }

  log(text) {
    this.#changed("log", text);
  }

  sent() {
    this.#changed("sent", null);
  }

  #changed(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
})();

globalThis.fetch = async (input, options = {}) => {
  const url = new URL(input instanceof Request ? input.url : input, location.href);
  const isPlacement = options.method === "POST" && url.pathname === PLACEMENT;
  if (network.offline && !url.pathname.startsWith("/_local")) throw lost();
  if (!isPlacement) return send(input, options);
  const pass = async () => {
    network.sent();
    const answer = await send(input, options);
    const replayed = answer.headers.get("idempotent-replayed") ? ", seen before" : "";
    network.log(`POST /orders: ${answer.status}${replayed}`);
    return answer;
  };
  const fate = network.take();
  switch (fate) {
    case "lose-request":
      network.sent();
      network.log("POST /orders: the request is lost");
      throw lost();
    case "lose-answer":
      await pass();
      network.log("and its answer is lost");
      throw lost();
    case "double":
      network.log("the request is sent twice");
      return (await Promise.all([pass(), pass()]))[1];
    case "slow":
      network.log("the request is slow");
      await wait(SLOW_MS);
      return pass();
    case "unavailable":
      network.sent();
      network.log("POST /orders: 503");
      return new Response('{"message":"Service Unavailable"}', { status: 503 });
    case "kill":
      pass().catch(() => {});
      await wait(KILL_MS);
      location.reload();
      return new Promise(() => {});
    default:
      return pass();
  }
};
