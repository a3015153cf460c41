// Builds all pages into api/pages/built. Every script is one classic file (IIFE): no module loader, no import(), so the
// syntax is ES2017 throughout, and a page is usable after its HTML, one script and one style.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import vue from "@vitejs/plugin-vue";
import { build } from "vite";

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGET = join(HERE, "../api/pages/built");
const NEW = `${TARGET}.new`;
const TITLES = { phone: "安巡", board: "工作台 · 安巡", dashboard: "数据看板 · 安巡", admin: "安巡管理" };

/**
 * Bundles one entry. `shared`: what it hands to scripts that are loaded later, as `window.anxun.shared`. `outside`: the
 * modules that such a script takes from there instead of bringing its own.
 */
async function bundle(entry, { define = {}, minify = "esbuild", shared = {}, outside = new Map() } = {}) {
  const { output } = await build({
    root: HERE,
    configFile: false,
    logLevel: "warn",
    plugins: [vue(), handOver(shared)],
    define: {
      __VUE_OPTIONS_API__: "false",
      __VUE_PROD_DEVTOOLS__: "false",
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
      ...define,
    },
    build: {
      target: "es2017",
      cssTarget: "chrome61",
      cssCodeSplit: false, // otherwise the script of an IIFE writes the style itself
      write: false,
      modulePreload: false,
      minify,
      terserOptions: { ecma: 2017, compress: { passes: 2 }, format: { comments: false } },
      assetsInlineLimit: 0,
      rollupOptions: {
        input: join(HERE, entry),
        external: (id) => outside.has(id),
        makeAbsoluteExternalsRelative: false,
        output: { format: "iife", interop: "esModule", inlineDynamicImports: true, globals: Object.fromEntries(outside) },
      },
    },
  });
  const chunk = output.find((each) => each.type === "chunk");
  const style = output.find((each) => each.fileName.endsWith(".css"))?.source;
  return { script: chunk.code, style, modules: Object.keys(chunk.modules), bindings: chunk.importedBindings };
}

/** The module `virtual:shared`: puts the wanted bindings of modules where later scripts find them. */
function handOver(shared) {
  const NAME = "\0virtual:shared";
  const modules = Object.entries(shared);
  const lines = modules.map(([id, names], index) => {
    const taken = names.map((name) => `${name} as ${name}_${index}`).join(", ");
    return `import { ${taken} } from ${JSON.stringify(id)};`;
  });
  const given = modules.map(([id, names], index) => {
    const members = names.map((name) => `${JSON.stringify(name)}: ${name}_${index}`).join(", ");
    return `${JSON.stringify(key(id))}: { ${members} }`;
  });
  const code = `${lines.join("\n")}\nwindow.anxun = { ...window.anxun, shared: { ${given.join(", ")} } };`;
  return {
    name: "hand-over",
    resolveId: (id) => (id === "virtual:shared" ? NAME : null),
    load: (id) => (id === NAME ? code : null),
  };
}

/** A short name of a module, the same in both scripts. */
function key(id) {
  return createHash("sha256").update(relative(HERE, id)).digest("hex").slice(0, 6);
}

/** Writes a file under a name that contains its digest, beside it the same in gzip. Returns the name. */
function writeAsset(stem, ending, content, folder = "assets") {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const name = `${stem}-${digest}.${ending}`;
  writeFileSync(join(NEW, folder, name), content);
  writeFileSync(join(NEW, folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  return name;
}

function writePage(name, values, template = name) {
  const page = readFileSync(join(HERE, "pages", template), "utf8");
  writeFileSync(
    join(NEW, name),
    page.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]),
  );
}

/** Their licences want to be handed on with the code. */
function writeLicences() {
  const { dependencies } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  const texts = Object.keys(dependencies).map((name) => {
    const folder = join(HERE, "node_modules", name);
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    return `${name}\n\n${readFileSync(join(folder, file), "utf8")}`;
  });
  writeFileSync(join(NEW, "assets", "licences.txt"), texts.join("\n\n"));
}

/** Bundles scripts that pages load later. Returns the file of each. */
async function buildLazy(...names) {
  const lazy = {};
  for (const name of names) lazy[name] = writeAsset(name, "js", (await bundle(`src/lazy/${name}.ts`)).script);
  return lazy;
}

/** Writes the script, the style and the HTML of a page. Returns the files. */
function writeEntry(name, { script, style }) {
  const names = { script: writeAsset(name, "js", script), style: writeAsset(name, "css", style) };
  const viewport = `width=device-width,initial-scale=1${name === "phone" ? ",viewport-fit=cover" : ""}`;
  writePage(`${name}.html`, { ...names, title: TITLES[name], viewport }, "page.html");
  return Object.values(names);
}

async function buildPhone(shared) {
  const lazy = { ...shared, ...(await buildLazy("scan")) };
  // The later screens take from the page what it has anyway: first see what that is, then what they want of it.
  const { modules } = await bundle("src/phone/main.ts", { define: { __LAZY__: "{}" } });
  const outside = new Map(modules.filter((id) => !id.includes("\0")).map((id) => [id, `anxun.shared["${key(id)}"]`]));
  const screens = await bundle("src/lazy/screens.ts", { define: { __LAZY__: "{}" }, outside });
  lazy.screens = writeAsset("screens", "js", screens.script);
  // Every phone waits for this one: terser takes longer than esbuild, and leaves 5 % less.
  const options = { define: { __LAZY__: JSON.stringify(lazy) }, minify: "terser", shared: screens.bindings };
  const kept = [...writeEntry("phone", await bundle("src/phone/main.ts", options)), ...Object.values(lazy)];
  const worker = await bundle("src/worker/worker.ts", { define: { __KEPT__: JSON.stringify(kept) } });
  writeFileSync(join(NEW, "worker.js"), worker.script);
}

/** Builds a page for a desk. `names`: the scripts that it loads later, beside the shared ones. */
async function buildDesk(name, shared, ...names) {
  const lazy = { ...shared, ...(await buildLazy(...names)) };
  writeEntry(name, await bundle(`src/${name}/main.ts`, { define: { __LAZY__: JSON.stringify(lazy) } }));
}

/** Swagger UI as it is published, and a few lines that start it. */
function buildDocs() {
  const from = (name) => readFileSync(join(HERE, "node_modules/swagger-ui-dist", name));
  writePage("docs.html", {
    style: writeAsset("swagger-ui", "css", from("swagger-ui.css"), "docs"),
    bundle: writeAsset("swagger-ui", "js", from("swagger-ui-bundle.js"), "docs"),
    start: writeAsset("start", "js", readFileSync(join(HERE, "src/docs/start.js")), "docs"),
  });
}

rmSync(NEW, { recursive: true, force: true });
for (const folder of ["assets", "docs"]) mkdirSync(join(NEW, folder), { recursive: true });
buildDocs();
const shared = await buildLazy("english", "resume");
await buildPhone(shared);
await buildDesk("board", shared, "boardEnglish");
await buildDesk("dashboard", shared, "charts", "dashboardEnglish");
await buildDesk("admin", shared);
writeLicences();
// A server that runs sees either the old files or the new ones.
rmSync(`${TARGET}.old`, { recursive: true, force: true });
try {
  renameSync(TARGET, `${TARGET}.old`);
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}
renameSync(NEW, TARGET);
rmSync(`${TARGET}.old`, { recursive: true, force: true });
