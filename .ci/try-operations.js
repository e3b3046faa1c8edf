// Opens one operation of each method in the viewer and sends its request, so that axe judges forms and answers too.
const done = arguments[arguments.length - 1];

const until = (find) => new Promise((resolve, reject) => {
  const deadline = Date.now() + 20_000;
  const look = () => {
    const found = find();
    if (found) return resolve(found);
    if (deadline < Date.now()) return reject(new Error(`the viewer never did this: ${find}`));
    setTimeout(look, 100);
  };
  look();
});

async function send(method) {
  const block = await until(() => document.querySelector(`.opblock-${method}`));
  block.querySelector(".opblock-summary-control").click();
  (await until(() => block.querySelector(".try-out__btn"))).click();
  const execute = await until(() => block.querySelector(".execute"));
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  for (const name of block.querySelectorAll("[data-param-name] .parameter__name.required")) {
    const field = name.closest("tr").querySelector("input");
    set.call(field, "TEA-01");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  // The viewer takes what was typed a moment later. Until then it sends nothing.
  await until(() => {
    execute.click();
    return block.querySelector(".live-responses-table .response-col_status");
  });
}

// A request may have been sent twice. Half a second without a wheel that turns: all are answered.
async function settle() {
  let still = 0;
  await until(() => {
    still = document.querySelector(".swagger-ui .loading") ? 0 : still + 1;
    return 5 <= still;
  });
}

(async () => {
  for (const method of ["get", "post", "put"]) await send(method);
  await settle();
})().then(() => done(null), (error) => done(String(error)));
