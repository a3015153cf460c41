/** Keeps the page itself for a reload without a network. Answers of the API are never kept: they belong to a person. */
declare const __KEPT__: string[];
interface WorkerScope {
  location: Location;
  addEventListener(type: string, listener: (event: WorkerEvent) => void): void;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
}
interface WorkerEvent {
  request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

const scope = self as unknown as WorkerScope;
const BASE = "%BASE%";
const PAGE = `${BASE}/m`;
const ASSETS = `${BASE}/m/assets/`;
const PATIENCE = 4_000;
const NAME = `anxun-page-${__KEPT__.join(" ")}`;

scope.addEventListener("install", (event) => {
  event.waitUntil(keep());
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers());
});

scope.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== scope.location.origin) return;
  if (pathname === PAGE) event.respondWith(freshPage(event.request));
  else if (pathname.startsWith(ASSETS)) event.respondWith(keptAsset(event.request));
});

async function keep(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll([PAGE, ...__KEPT__.map((name) => ASSETS + name)]);
  await scope.skipWaiting();
}

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("anxun-page-") && name !== NAME).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** The server's page, so that an upgrade is seen at once; else the kept one. A portal's page is not shown as ours. */
async function freshPage(request: Request): Promise<Response> {
  const asked = fetch(request);
  try {
    const answer = await Promise.race([asked, giveUp()]);
    if (answer.ok && answer.headers.get("X-Request-ID")) return answer;
  } catch {
    // no network, or one that does not answer
  }
  return (await caches.match(PAGE)) ?? asked;
}

function giveUp(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => {
      reject(new Error("slow"));
    }, PATIENCE);
  });
}

async function keptAsset(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
