// Starts the viewer with a token of this server that has every scope, and gives its controls the names and places that
// somebody needs who does not see it, or has no mouse.

// The viewer puts a link into each operation's button. A button must hold no other control.
const plainNames = () => ({
  wrapComponents: {
    DeepLink: (_original, { React }) => ({ text }) => React.createElement("span", null, text),
  },
});

const parameter = (element) => element.closest("[data-param-name]").dataset.paramName;

// Attributes that the viewer's elements lack: a selector, an attribute, and its value or how to find it.
const LACKING = [
  ["#servers", "aria-label", "Server"],
  [".examples-select-element", "aria-label", "Example"],
  ["textarea.body-param__text", "aria-label", "Body of the request"],
  [".copy-to-clipboard button", "aria-label", "Copy"],
  ["[data-param-name] :is(input, select, textarea)", "aria-label", parameter],
  ["table[role=region]", "aria-label", (element) => element.id.replaceAll("_", " ")],
  // Text that scrolls must be reachable by keyboard.
  [":is(.microlight, .example)", "tabindex", "0"],
  // The title of the page is of level 1.
  [":is(h3.opblock-tag, .models > h4)", "aria-level", "2"],
  [":is(.opblock-title, .responses-inner h4, .responses-inner h5)", "aria-level", "3"],
];

function complete(root) {
  for (const [selector, name, value] of LACKING) {
    for (const element of root.querySelectorAll(`${selector}:not([${name}])`)) {
      element.setAttribute(name, typeof value === "function" ? value(element) : value);
    }
  }
}

const root = document.getElementById("swagger-ui");
new MutationObserver(() => complete(root)).observe(root, { childList: true, subtree: true });

const ui = SwaggerUIBundle({
  url: "/_local/openapi.yaml",
  domNode: root,
  deepLinking: true,
  displayRequestDuration: true,
  plugins: [plainNames],
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  onComplete: async () => {
    const body = JSON.stringify({ sub: "demo" });
    const headers = { "content-type": "application/json" };
    const answer = await fetch("/_local/token", { method: "POST", headers, body });
    if (answer.ok) ui.preauthorizeApiKey("bearer", (await answer.json()).token);
  },
});
