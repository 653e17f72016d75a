import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { buy, fillBasket, flip, orderId, phoneOf, placeOrder, press, until } from './shopper.js';
import { useWorld } from './world.js';

const world = useWorld();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Lets a phone's user allow what WeChat asks for. */
const allow = (phone) => press(phone.getByRole('dialog'), '允许');

test('two phones see each other in the ranking of a group', async () => {
  const page = await world.open();
  await press(page, '再来一部手机');
  const [ming, hong] = [phoneOf(page, 0), phoneOf(page, 1)];
  await hong.locator('.product').first().waitFor();
  for (const phone of [ming, hong]) {
    await press(phone, '步数');
    await press(phone, '同步微信运动');
    await allow(phone);
    await phone.locator('.chart').waitFor();
  }
  await press(ming, '分享到群');
  await press(ming, '家人群');
  await ming.locator('.ranking li').waitFor();
  await hong.locator('.message').click();
  const rows = hong.locator('.ranking li');
  await until(
    () => rows.count(),
    (count) => count === 2,
    'both are in the group',
  );
  assert.equal(await hong.locator('.ranking .me').count(), 1);
  await press(ming, '刷新排行');
  await until(
    () => ming.locator('.ranking li').count(),
    (count) => count === 2,
    'the first phone sees both too',
  );
});

test('the pages of the user do what they say', async () => {
  const page = await world.open();
  const phone = phoneOf(page);

  await press(phone, '我的');
  await phone.getByRole('button', { name: /手机号/ }).click();
  await allow(phone);
  await until(
    () => phone.getByRole('button', { name: /手机号/ }).innerText(),
    (text) => /\d/.test(text),
    'the number is bound',
  );

  await press(phone, '指纹验证');
  await phone.locator('.page').getByRole('button', { name: '验证指纹' }).click();
  await press(phone, '按住指纹传感器');
  await phone.getByText('验证通过').waitFor();
  await press(phone, '返回');

  await press(phone, '订阅消息');
  await press(phone, '订阅');
  await phone.getByRole('checkbox').nth(1).uncheck();
  await allow(phone);
  await until(
    () => phone.locator('.counts strong').allInnerTexts(),
    (counts) => counts.join() === '剩 1 条,剩 0 条,剩 1 条',
    'accepted and rejected',
  );
  await press(phone, '返回');

  await press(phone, '卡券');
  await press(phone.locator('.coupon').first(), '领取');
  await allow(phone);
  await phone.getByRole('button', { name: '打开', exact: true }).first().click();
  await phone.getByText('已打开卡券').waitFor();
  await press(phone, '开卡');
  await allow(phone);
  await phone.getByText(/会员号 \d{16}/).waitFor();
  await press(phone, '返回');

  await phone.getByRole('button', { name: /设置头像和昵称/ }).click();
  await press(phone, '第 1 个头像');
  await phone.getByText('微信审核中').first().waitFor();
  await phone.locator('.toast').waitFor({ state: 'detached' });
  await phone.getByRole('textbox', { name: '昵称' }).fill('明明');
  await press(phone, '保存昵称');
  await phone.getByText('已保存').waitFor();
  await press(phone, '返回');
  await phone.getByText('明明').waitFor();
});

test('customer service answers on the phone', async () => {
  const page = await world.open();
  const phone = phoneOf(page);
  await press(phone, '我的');
  await press(phone, '联系客服');
  await phone.getByRole('textbox', { name: '说点什么' }).fill('在吗');
  await press(phone, '发送');
  await phone.locator('.mine').getByText('在吗').waitFor();
  await page.locator('[data-operator="read"]').click();
  await page.getByRole('textbox', { name: '客服消息' }).fill('在的，您请说');
  await flip(page, '[data-operator="answer"]');
  await phone.locator('.theirs').getByText('在的，您请说').waitFor();
});

test('the timeline shows one order, one user, and goes on after a pause', async () => {
  const page = await world.open();
  const phone = phoneOf(page);
  await buy(phone);
  const first = await orderId(phone);
  await press(phone, '返回');
  await buy(phone);
  const titles = () => page.locator('.timeline > .group .entry-title').allInnerTexts();
  await page.getByLabel('只看这个订单').selectOption({ label: `…${first.slice(-6)}` });
  const ofFirst = await until(titles, (found) => found.filter((title) => title === 'POST /api/orders').length === 1, 'one order');
  assert.ok(ofFirst.includes('微信 → /api/pay/notify') && !ofFirst.includes('GET /api/products'), String(ofFirst));

  // What is still under way may arrive before the pause.
  await press(page, '暂停');
  await press(page, '清空');
  await press(phone, '刷新');
  await page.waitForTimeout(500);
  assert.deepEqual(await titles(), []);
  await press(page, '继续');
  await until(titles, (found) => found.some((title) => title.startsWith('GET /api/orders/')), 'what waited');
});

test('what is copied as curl does the same', async () => {
  const page = await world.open();
  await buy(phoneOf(page));
  await page.getByLabel('后台任务').check();
  await page.locator('[data-operator="read"]').click();
  const copied = async (title) => {
    const entry = page.locator('.timeline > .group', { has: page.getByText(title, { exact: true }) }).last();
    await entry.locator('summary').first().click();
    await entry.getByRole('button', { name: '复制为 curl' }).first().click();
    await page.getByText('已复制', { exact: true }).waitFor();
    const path = title.split(' ').at(-1).replace('wx.', '/_wechat/wx/');
    return until(
      () => page.evaluate(() => navigator.clipboard.readText()),
      (text) => text.includes(path),
      `the command of ${title}`,
    );
  };
  const run = (command, token = '') =>
    JSON.parse(execFileSync('bash', ['-c', command], { env: { ...process.env, token }, encoding: 'utf8' }));
  const token = await page.evaluate(() => JSON.parse(sessionStorage.getItem('phone-0:token')));
  const order = await copied('POST /api/orders');
  assert.match(order, /\$token/);
  assert.ok(!order.includes(token), 'no token in the command');
  assert.equal(run(order, token).success, true);
  const products = await copied('GET /api/admin/products');
  assert.match(products, /--aws-sigv4 aws:amz:us-east-1:execute-api --user local:local/);
  assert.equal(run(products).success, true);
  assert.match(run(await copied('wx.login')).code, /./);
});

test('thousands of events leave the page quick', async () => {
  const events = Array.from({ length: 6000 }, (_, place) => ({
    seq: place + 1,
    at: 1_800_000_000_000 + place,
    kind: 'request',
    requestId: `r${place}`,
    method: 'GET',
    path: `/api/orders/${place}`,
    function: 'order',
    caller: 'user',
    requestHeaders: {},
    status: 200,
    responseBody: { place, filler: 'x'.repeat(200) },
    durationMs: 1.5,
    about: [],
  }));
  const body = events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  const page = await world.open({
    prepare: (opening) =>
      opening.route('**/_wechat/timeline', (route) => route.fulfill({ contentType: 'text/event-stream', body })),
  });
  await page.getByText('GET /api/orders/5999', { exact: true }).waitFor();
  assert.ok((await page.locator('.timeline > .group').count()) <= 160, 'only the newest are drawn');
  const begun = Date.now();
  await fillBasket(phoneOf(page));
  assert.ok(Date.now() - begun < 3000, `two touches took ${Date.now() - begun} ms`);
});

test('another page cannot be framed around it, and scripts are its own', async () => {
  const page = await world.open();
  const policy = (await (await fetch(`${world.base}/_wechat/phone/`)).headers).get('content-security-policy');
  assert.match(policy, /default-src 'self'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(await page.evaluate(() => document.querySelectorAll('script:not([src]), [style*="url("], style').length), 0);
});

test('no page has an accessibility complaint', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  const judge = async (where) => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      // The policy of the page lets no script of others in, so it comes by the protocol.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        window.axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
          resultTypes: ['violations'],
        }),
      );
      const said = violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(({ target, any }) => `${target} (${any[0]?.message ?? ''})`)
            .join(' | ')}`,
      );
      assert.deepEqual(said, [], `${where}, ${colorScheme}`);
    }
  };
  await page.locator('[data-operator="read"]').click();
  await judge('the shop');
  await fillBasket(phone);
  await judge('the order');
  await press(phone, '选择收货地址（可不填）');
  await judge('the choice of an address');
  await page.keyboard.press('Escape');
  await press(phone, '返回');
  await placeOrder(phone);
  await judge('the cashier');
  await press(phone, '立即支付');
  await judge('the password');
  await page.keyboard.press('Escape');
  await phone.locator('.toast').waitFor({ state: 'detached' });
  await judge('an unpaid order');
  await page.locator('.timeline .entry > summary').last().click();
  await judge('an open entry of the timeline');
  await press(phone, '返回');
  for (const tab of ['订单', '步数', '我的']) {
    await press(phone, tab);
    await phone.locator('[aria-busy="false"]').waitFor();
    await judge(tab);
  }
  for (const name of ['指纹验证', '卡券', '订阅消息', '联系客服']) {
    await press(phone, name);
    await phone.locator('[aria-busy="false"]').waitFor();
    await judge(name);
    await press(phone, '返回');
  }
});
