/** Who is signed in. Over https the tokens are cookies that no script reads; over plain http they live in memory only. */
import { type Answer, NoServer } from "./answers";
import { type Request, send } from "./http";
import type { Person, Tokens } from "./types";

/** `unknown`: the server could not be asked yet, as when the page opens without a network. */
export type SignedIn = "in" | "out" | "unknown";

export interface Remembered {
  username: string;
  name: string;
  roles: string[];
}

/** What the office asks for before anything else works: a new password, or a second factor. */
export type Held = "password_old" | "totp_missing";

const REMEMBERED = "anxun.person";
const DEVICE_SECRET = "anxun.device";

let access: string | null = null;
let refresh: string | null = null;
let renewal: Promise<boolean> | null = null;
let held: (why: Held) => void = () => undefined;
let listener: (state: SignedIn, expired: boolean) => void = () => undefined;

export const usesCookies = location.protocol === "https:";

export function onSession(told: typeof listener, hold: typeof held): void {
  listener = told;
  held = hold;
}

/** The last person who signed in at this browser, who may go on reporting without a sign-in. */
export function rememberedPerson(): Remembered | null {
  return JSON.parse(localStorage.getItem(REMEMBERED) ?? "null") as Remembered | null;
}

export interface Credentials {
  username: string;
  password: string;
  totp?: string;
}

export async function signIn(credentials: Credentials): Promise<Answer<Tokens>> {
  return begin("/auth/login", { ...credentials });
}

/** Signs in with the code that 浙政钉 or WeChat brought. 401 `auth.not_linked` asks for the password, once. */
export async function signInByProvider(provider: string, code: string, totp?: string): Promise<Answer<Tokens>> {
  return begin(`/auth/external/${encodeURIComponent(provider)}`, totp ? { code, totp } : { code });
}

async function begin(path: string, body: object): Promise<Answer<Tokens>> {
  const secret = usesCookies ? {} : { device_secret: localStorage.getItem(DEVICE_SECRET) };
  const answer = await send<Tokens>(path, { body: { ...body, ...secret, page: true, device: deviceName() } });
  if (answer.ok) keep(answer.data);
  return answer;
}

function deviceName(): string {
  const found = /(iPhone|iPad|HarmonyOS|Android[^;)]*(?:; [^;)]+)?|Windows|Macintosh|Linux)/.exec(navigator.userAgent);
  return (found?.[0] ?? "browser").slice(0, 100);
}

function keep(tokens: Tokens): void {
  access = tokens.access_token ?? null;
  refresh = tokens.refresh_token ?? null;
  if (tokens.device_secret) localStorage.setItem(DEVICE_SECRET, tokens.device_secret);
  enter(tokens.user);
}

function enter(person: Person): void {
  const roles = Array.from(new Set(person.grants.map((grant) => grant.role)));
  const known: Remembered = { username: person.username, name: person.name, roles };
  localStorage.setItem(REMEMBERED, JSON.stringify(known));
  listener("in", false);
}

/** Finds out at the start of the page whether the cookies still hold. */
export async function resume(): Promise<void> {
  if (!usesCookies) {
    listener("out", false);
    return;
  }
  try {
    const answer = await call<Person>("/me");
    if (answer.ok) enter(answer.data);
    else listener("out", false);
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
    listener("unknown", false);
  }
}

/** Asks again what the person may do, as after a change of rights. */
export async function readPerson(): Promise<void> {
  const answer = await call<Person>("/me");
  if (answer.ok) enter(answer.data);
}

/** Signs out here also if the server cannot be reached: the token in memory is gone; cookies end by themselves. */
export async function signOut(): Promise<boolean> {
  let told = true;
  try {
    await call("/auth/logout", { method: "POST" });
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
    told = false;
  }
  if (told || !usesCookies) leave(false);
  return told || !usesCookies;
}

/** `expired`: by itself, not by the person. */
function leave(expired: boolean): void {
  access = refresh = null;
  listener("out", expired);
}

/** A request of the signed-in person. A token that has ended is renewed once; a 401 after that signs out. */
export async function call<T>(path: string, request: Request = {}): Promise<Answer<T>> {
  const answer = await send<T>(path, withToken(request));
  const why = answer.problem?.code.replace("auth.", "");
  if (why === "password_old" || why === "totp_missing") held(why);
  if (answer.status !== 401 || answer.problem?.code !== "auth.required") return answer;
  if (!(await renew())) return answer;
  return send<T>(path, withToken(request));
}

function withToken(request: Request): Request {
  return { ...request, headers: { ...request.headers, ...authorization() } };
}

export function authorization(): Record<string, string> {
  return access ? { Authorization: `Bearer ${access}` } : {};
}

/** Renews the tokens, once for all who wait. A refresh token that is used twice would end the session. */
export function renew(): Promise<boolean> {
  renewal ??= alone(renewNow).then(
    (renewed) => {
      renewal = null;
      return renewed;
    },
    (error: unknown) => {
      renewal = null;
      throw error;
    },
  );
  return renewal;
}

async function renewNow(): Promise<boolean> {
  if (!usesCookies && !refresh) {
    leave(true);
    return false;
  }
  if (usesCookies && (await send("/me")).ok) return true; // another tab has renewed them
  const answer = await send<Tokens>("/auth/refresh", { body: refresh ? { refresh_token: refresh } : {} });
  if (answer.ok) keep(answer.data);
  else if (answer.status === 401) leave(true);
  return answer.ok;
}

/** Tabs share cookies, so only one at a time renews them. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  const locks = (navigator as Partial<Navigator>).locks;
  return usesCookies && locks ? locks.request("anxun-renew", work) : work();
}
