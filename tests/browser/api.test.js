// The page that shows the API's description.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useWorld } from './world.js';

const world = useWorld();
const open = (options = {}) => world.open({ path: '/_wechat/api', shown: '.operation', ...options });

test('every operation of the description is shown and can be found', async () => {
  const page = await open();
  const { paths } = await (await fetch(`${world.base}/_wechat/api/openapi.json`)).json();
  const methods = ['get', 'post', 'put', 'delete'];
  const operations = Object.values(paths).flatMap((item) => Object.keys(item).filter((key) => methods.includes(key)));
  assert.equal(await page.locator('.operation').count(), operations.length);
  await page.getByRole('searchbox').fill('cancel ORDER_PAID');
  await page.getByText(`1 of ${operations.length} operations`).waitFor();
  assert.equal(await page.locator('.operation:visible').count(), 1);
  assert.match(await page.locator('.operation:visible').innerText(), /\/api\/orders\/\{orderId\}\/cancel/);
});

test('an operation is opened and copied by keyboard on a narrow screen', async () => {
  const page = await open({ width: 360, height: 740 });
  await page.getByRole('searchbox').fill('POST /api/orders Idempotency-Key');
  await page.locator('.operation:visible summary').first().focus();
  await page.keyboard.press('Enter');
  const operation = page.locator('.operation[open]');
  await operation.getByText('productId').first().waitFor();
  await operation.getByRole('button', { name: 'Copy as curl' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('is copied').waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(command.startsWith('curl ') && command.includes(`${world.base}/api/`), command);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, 'nothing is wider than the screen');
});

test('a link to an operation opens it', async () => {
  const page = await open();
  const id = await page.locator('.operation').nth(3).getAttribute('id');
  await page.goto(`${world.base}/_wechat/api/#${id}`);
  await page.locator(`#${id}[open] .content`).waitFor();
});
