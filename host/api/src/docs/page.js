// The page at /docs: Swagger UI on this server's document, changed so that what is optional begins empty and is only sent when it is
// filled in.
"use strict";

// What Swagger UI begins a field with. It is shown in the field's description instead.
const SUGGESTIONS = ["default", "example", "examples"];

/** The text of a schema's or parameter's example; undefined if it has none. */
function exampleOf({ example, examples, schema }) {
  const one = example ?? examples?.[0] ?? schema?.examples?.[0];
  if (one === undefined) return undefined;
  return typeof one === "string" ? one : JSON.stringify(one);
}

/** Moves the suggestions of a schema or parameter into its description. */
function withoutSuggestions(field) {
  const example = exampleOf(field);
  const rest = Object.fromEntries(Object.entries(field).filter(([name]) => !SUGGESTIONS.includes(name)));
  const text = [rest.description, example && `Example: \`${example}\``].filter(Boolean).join("\n\n");
  return { ...rest, description: text };
}

/** What a reference names, with what is said beside it. */
function resolved({ $ref, ...field }, schemas) {
  return $ref ? { ...schemas[$ref.split("/").pop()], ...field } : field;
}

/** An optional field of a form, which begins empty. */
function emptyField(field) {
  // Swagger UI parses the beginning of a list as JSON, and shows that of others as text.
  const isList = [field.type].flat().includes("array");
  return { ...withoutSuggestions(field), example: isList ? [] : "" };
}

/** A form in which only required fields begin with something. */
function fillableForm(form, schemas) {
  const isOptional = (name) => !(form.required ?? []).includes(name);
  const fields = Object.entries(form.properties ?? {});
  const properties = fields.map(([name, field]) => [name, isOptional(name) ? emptyField(resolved(field, schemas)) : field]);
  return { ...form, properties: Object.fromEntries(properties) };
}

/** An optional parameter, which begins empty. */
function fillableParameter(parameter) {
  if (parameter.required) return parameter;
  const { schema, ...rest } = withoutSuggestions(parameter);
  return { ...rest, schema: withoutSuggestions(schema ?? {}) };
}

/** The document as the page shows it. */
function fillable(document) {
  const schemas = { ...document.components?.schemas };
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      operation.parameters = operation.parameters?.map(fillableParameter);
      const form = operation.requestBody?.content?.["multipart/form-data"]?.schema?.$ref?.split("/").pop();
      if (form) schemas[form] = fillableForm(schemas[form], document.components.schemas);
    }
  }
  return { ...document, components: { ...document.components, schemas } };
}

/** The box "Send empty value" of a field, not ticked at first. */
const unticked = (Original, { React }) =>
  function ParameterIncludeEmpty(props) {
    return React.createElement(Original, { ...props, isIncludedOptions: { ...props.isIncludedOptions, defaultValue: false } });
  };

function show(document) {
  window.ui = SwaggerUIBundle({
    spec: fillable(document),
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [{ wrapComponents: { ParameterIncludeEmpty: (Original, system) => unticked(Original, system) } }],
    layout: "BaseLayout",
  });
}

window.addEventListener("load", async () => {
  try {
    const response = await fetch("/openapi.json");
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    show(await response.json());
  } catch (error) {
    window.document.getElementById("swagger-ui").textContent = `/openapi.json cannot be shown: ${error.message}. Reload the page to try again.`;
  }
});
