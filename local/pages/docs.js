// Starts the viewer with a token of this server that has every scope.
addEventListener("load", async () => {
  const body = JSON.stringify({ sub: "demo" });
  const headers = { "content-type": "application/json" };
  const ui = SwaggerUIBundle({
    url: "/_local/openapi.yaml",
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: "BaseLayout",
    onComplete: async () => {
      const answer = await fetch("/_local/token", { method: "POST", headers, body });
      if (answer.ok) ui.preauthorizeApiKey("bearer", (await answer.json()).token);
    },
  });
  window.ui = ui;
});
