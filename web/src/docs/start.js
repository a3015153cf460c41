// Opens Swagger UI on the server's own document. Nothing is asked of a validator on another host.
window.SwaggerUIBundle({
  url: `${document.documentElement.dataset.base}/schema/openapi.json`,
  dom_id: "#swagger-ui",
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  validatorUrl: null,
});
