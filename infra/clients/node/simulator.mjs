// Helpers of the Node clients: the simulator's controls, a receiver of notices, and steps that report their result.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

export const simulator = JSON.parse(process.env.SIMULATOR);
export const { account } = simulator;
export const read = (path) => readFileSync(path, 'utf8');
export const expectEqual = assert.deepStrictEqual;

let count = 0;
export const newNumber = (prefix) => `${prefix}${Date.now()}${count++}`;

export async function control(path, body, method = 'POST') {
  const answer = await fetch(`${simulator.url}/_wechat/${path}`, body && { method, body: JSON.stringify(body) });
  const result = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(result));
  return result;
}

/** A merchant's receiver of notices. `next()` returns headers and body as they arrived. */
export async function notices(acknowledgement, type) {
  const [received, waiting] = [[], []];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const notice = { headers: request.headers, body: Buffer.concat(chunks).toString() };
    const next = waiting.shift();
    if (next) next(notice); else received.push(notice);
    response.setHeader('content-type', type).end(acknowledgement);
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  const late = () => new Promise((_, refuse) => { setTimeout(() => refuse(new Error('no notice came')), 10_000); });
  return {
    url: `http://127.0.0.1:${server.address().port}/notify`,
    next: () => Promise.race([received.shift() ?? new Promise((take) => { waiting.push(take); }), late()]),
  };
}

/** Runs the steps of a client in order. A step that fails does not stop the others. */
export async function run(client, steps) {
  for (const [step, act] of Object.entries(steps)) {
    let [ok, detail] = [true, ''];
    try {
      await act();
    } catch (error) {
      [ok, detail] = [false, `${error.response?.data ? JSON.stringify(error.response.data) : ''} ${error.message}`];
    }
    console.log(JSON.stringify({ client, step, ok, detail: detail.slice(0, 300) }));
  }
  process.exit(0);
}
