// Checks an OpenAPI document: node check_document.mjs FILE
//
// ajv compiles every schema, with its patterns, and validates every example against its schema; redocly and spectral
// lint with their recommended rules. Prints each fault, and ends with 1 if there is one.
import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectral from "@stoplight/spectral-core";
import parsers from "@stoplight/spectral-parsers";
import rulesets from "@stoplight/spectral-rulesets";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

const file = process.argv[2];
const text = readFileSync(file, "utf8");
const document = JSON.parse(text);
const faults = [];
const report = (tool, rule, where, message) => faults.push(`${tool} ${rule} ${where}: ${message}`);

// ajv

const KEYWORDS_OF_OPENAPI = ["components", "discriminator", "example", "info", "openapi", "paths", "servers", "tags"];
const DOCUMENT = "document";
const ajv = new Ajv.default({ strict: true, strictTypes: "log", allErrors: true, keywords: KEYWORDS_OF_OPENAPI });
formats.default(ajv);
ajv.addSchema({ ...document, $id: DOCUMENT });

const escape = (name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));

function checkExample(validate, example, at) {
  if (!validate(example)) for (const each of validate.errors) report("ajv", "example", `${at}${each.instancePath}`, each.message);
}

function examplesOf({ example, examples = {} }) {
  return [...(example === undefined ? [] : [example]), ...Object.values(examples).map((each) => each.value)];
}

function checkSchemas(part, at) {
  if (part === null || typeof part !== "object") return;
  if (part.schema !== undefined) {
    const validate = compile(`${at}/schema`);
    if (validate) for (const example of examplesOf(part)) checkExample(validate, example, at);
  }
  for (const [name, inner] of Object.entries(part)) {
    if (name === "example" || name === "examples" || name === "schema") continue;
    if (at === "#/components/schemas") compile(`${at}/${escape(name)}`);
    else checkSchemas(inner, `${at}/${escape(name)}`);
  }
}

function compile(at) {
  try {
    return ajv.getSchema(DOCUMENT + at);
  } catch (error) {
    report("ajv", "compile", at, error.message);
    return null;
  }
}

checkSchemas(document, "#");

// redocly

const config = await createConfig({ extends: ["recommended"] });
for (const { ruleId, location, message } of await lintFromString({ source: text, absoluteRef: file, config })) {
  report("redocly", ruleId, location[0].pointer, message);
}

// spectral

// Off: ajv checks the examples above, with the flag `u` for patterns, which spectral does not set.
const off = { "oas3-valid-media-example": "off", "oas3-valid-schema-example": "off" };
const linter = new spectral.Spectral();
linter.setRuleset({ extends: [[rulesets.oas, "recommended"]], rules: off });
for (const { code, path, message } of await linter.run(new spectral.Document(text, parsers.Json, file))) {
  report("spectral", code, path.join("/"), message);
}

for (const fault of faults) console.error(fault);
process.exit(faults.length ? 1 : 0);
