// A local world of its own for the tests of a file, a browser, and pages of which every request and every complaint is watched.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before } from 'node:test';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Starts `cargo run -- --port …`; 0 is any free port. BUNDLE names another program to start instead of cargo. */
async function startBundle(port = '0') {
  const [program, ...first] = process.env.BUNDLE ? [process.env.BUNDLE] : ['cargo', 'run', '--quiet', '--'];
  const bundle = spawn(program, [...first, '--port', port], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  bundle.stderr.on('data', (text) => {
    log += text;
  });
  bundle.on('error', (error) => {
    log += error.message;
  });
  for await (const line of createInterface({ input: bundle.stdout })) {
    const base = /listening on (http:\/\/\S+)/.exec(line)?.[1];
    if (!base) continue;
    bundle.stdout.resume();
    return { bundle, base };
  }
  throw new Error(`the bundle did not start: ${log}`);
}

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
}

/** The world of a test file. `world.open()` opens the page; what is wrong with a page fails the test that opened it. */
export function useWorld() {
  const world = { base: undefined, browser: undefined, opened: [] };
  let bundle;

  before(async () => {
    ({ bundle, base: world.base } = await startBundle());
    world.browser = await launch();
  });
  afterEach(async () => {
    const opened = world.opened.splice(0);
    for (const { context } of opened) await context.close();
    await world.control('faults', undefined, 'DELETE');
    assert.deepEqual(
      opened.flatMap(({ problems }) => problems),
      [],
      'complaints of the browser, or requests that leave the machine',
    );
  });
  const stop = async () => {
    if (!bundle) return;
    bundle.kill('SIGTERM');
    await once(bundle, 'exit');
  };
  after(async () => {
    await world.browser?.close();
    await stop();
  });

  /** Ends the program and starts it again at the same address, with nothing of what it knew. */
  world.restart = async () => {
    await stop();
    ({ bundle } = await startBundle(new URL(world.base).port));
  };

  world.open = async (options = {}) => {
    const opened = await openPage(world, options);
    world.opened.push(opened);
    return opened.page;
  };
  world.control = async (path, body, method = body === undefined ? 'GET' : 'POST') => {
    const answer = await fetch(`${world.base}/_wechat/${path}`, {
      method,
      body: body && JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
    return text === '' ? {} : JSON.parse(text);
  };
  world.timeline = async () => (await world.control('timeline.json')).events;
  return world;
}

/**
 * Opens the page in a browser of its own. `refusals: true` says that the test makes requests fail: Chromium writes a line about each
 * into the console, which is no mistake of the page. `shown` is what the page shows when it is there.
 */
async function openPage({ base, browser }, { width = 1440, height = 900, refusals = false, path = '/_wechat/phone', shown = '.product', prepare }) {
  const context = await browser.newContext({ viewport: { width, height }, locale: 'zh-CN', reducedMotion: 'reduce' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: base });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.stack}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    if (refusals && /^Failed to load resource/.test(message.text())) return;
    problems.push(`console: ${message.text()} ${message.location().url}`);
  });
  await page.route('**/*', async (route) => {
    const { protocol, hostname } = new URL(route.request().url());
    if (['data:', 'blob:'].includes(protocol) || hostname === '127.0.0.1') {
      await route.fallback();
      return;
    }
    problems.push(`request to ${route.request().url()}`);
    await route.abort();
  });
  await prepare?.(page);
  await page.goto(base + path);
  await page.locator(shown).first().waitFor();
  return { context, page, problems };
}
