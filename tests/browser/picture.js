// Makes the picture of the README: a purchase that is paid, and what happened.

import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buy, phoneOf } from './shopper.js';
import { useWorld } from './world.js';

const world = useWorld();
const picture = fileURLToPath(new URL('../../docs/images/phone.png', import.meta.url));

test('the picture of the README', async () => {
  const page = await world.open({ width: 1360, height: 820 });
  await buy(phoneOf(page));
  await page.waitForTimeout(1500);
  mkdirSync(new URL('../../docs/images', import.meta.url), { recursive: true });
  await page.screenshot({ path: picture });
});
