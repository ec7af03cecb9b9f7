// Usage: wait-ready.mjs URL SECONDS. Exits 0 as soon as URL answers 2xx, 1 when the time is over.
import { setTimeout as sleep } from 'node:timers/promises';

const [url, seconds] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
let last = 'no attempt made';
while (Date.now() < until) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    if (answer.ok) process.exit(0);
    last = `HTTP ${answer.status}`;
  } catch (error) {
    last = error.cause?.message ?? error.message;
  }
  await sleep(200);
}
console.error(`${url} was not ready within ${seconds} s: ${last}`);
process.exit(1);
