// The bundle's clock, which can be moved forward, as far as this page knows it.

let ahead = 0;
const listeners = new Set();

/** Unix milliseconds. */
export const now = () => Date.now() + ahead;

/** What the bundle said the time is. */
export function set(time) {
  ahead = time - Date.now();
  for (const listener of listeners) listener();
}

/** Calls `listener` when the clock was moved, and every few seconds. */
export function onTick(listener) {
  listeners.add(listener);
}

setInterval(() => {
  for (const listener of listeners) listener();
}, 5_000);
