/** One tab sends at a time. Two senders would do no harm, since ids make every request safe, but waste the network. */
import { newId } from "../shared/ids";
import type { QueueStore } from "./store";

/** Runs `work` if no other tab does; false if one does. */
export type SendLock = (work: () => Promise<void>) => Promise<boolean>;

const LASTS = 10_000;
const RENEWED = 3_000;

/** Web Locks exist over https only; elsewhere a lease in the store does the same, and ends if its tab dies. */
export function sendLock(store: QueueStore, locks: LockManager | undefined): SendLock {
  return locks ? byWebLock(locks) : byLease(store);
}

function byWebLock(locks: LockManager): SendLock {
  return async (work) => {
    const held = await locks.request("anxun-send", { ifAvailable: true }, async (lock) => {
      if (lock) await work();
      return lock !== null;
    });
    return held;
  };
}

function byLease(store: QueueStore): SendLock {
  const owner = newId();
  return async (work) => {
    if (!(await store.takeLease(owner, Date.now(), LASTS))) return false;
    const renewing = setInterval(() => void store.takeLease(owner, Date.now(), LASTS), RENEWED);
    try {
      await work();
    } finally {
      clearInterval(renewing);
      await store.dropLease(owner);
    }
    return true;
  };
}
