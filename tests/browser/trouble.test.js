import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CHINESE,
  buy,
  expectStatus,
  fillBasket,
  flip,
  orderId,
  ordersOnPhone,
  payInCashier,
  phoneOf,
  placeOrder,
  press,
  setFault,
  until,
} from './shopper.js';
import { useWorld } from './world.js';

const world = useWorld();
const ofOrder = (events, id) => events.filter(({ about = [] }) => about.some((one) => one.startsWith(id)));

test('a notice that comes five times has one effect', async () => {
  const page = await world.open();
  await setFault(page, 'notice_duplicate', '来五次');
  await buy(phoneOf(page));
  const id = await orderId(phoneOf(page));
  const notices = (events) =>
    ofOrder(events, id).filter(({ kind, path }) => kind === 'notice' && path.endsWith('/api/pay/notify'));
  const paid = (events) => ofOrder(events, id).filter(({ kind, detailType }) => kind === 'event' && /paid/i.test(detailType));
  const events = await until(
    world.timeline,
    (all) => notices(all).length === 5 && paid(all).length > 0,
    'five notices and an effect',
  );
  assert.deepEqual(
    notices(events).map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
  assert.equal(paid(events).length, 1, JSON.stringify(paid(events)));
  const shown = page.locator('.entry-title', { hasText: '微信 → /api/pay/notify' });
  await until(
    () => shown.count(),
    (count) => count === 5,
    'the page shows all of them',
  );
});

test('a lost notice is repaired when the user looks at the order', async () => {
  const page = await world.open();
  await setFault(page, 'notice_lost', '丢失');
  await buy(phoneOf(page));
  const id = await orderId(phoneOf(page));
  const events = ofOrder(await world.timeline(), id);
  assert.ok(
    events.some(({ kind, path }) => kind === 'wechat' && path.includes('/pay/orderquery')),
    'WeChat was asked',
  );
});

test('a lost notice is repaired by the sweep when nobody looks', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await setFault(page, 'notice_lost', '丢失');
  await placeOrder(phone);
  // The phone loses its network as soon as it has paid.
  await page.route('**/api/orders/*', (route) => route.abort());
  await payInCashier(phone);
  await phone.getByText('网络不给力').waitFor();
  assert.match(await phone.locator('[data-status]').innerText(), /等待支付结果/);
  await flip(page, '[data-advance="1860"]');
  await page.unroute('**/api/orders/*');
  await until(
    () => ordersOnPhone(phone),
    ([state]) => state === '已支付',
    'the sweep has found the payment',
  );
});

test('an operator gives money back, and the phone shows it', async () => {
  const page = await world.open();
  const phone = phoneOf(page);
  await buy(phone);
  await page.locator('[data-operator="read"]').click();
  await flip(page, '[data-operator="refund"]');
  await until(
    async () => {
      await press(phone, '刷新');
      return phone.locator('[data-status]').getAttribute('data-status');
    },
    (status) => status === 'REFUNDED',
    'the refund arrives',
  );
});

test('an order is shipped, WeChat is told, and the user confirms the receipt', async () => {
  const page = await world.open();
  const phone = phoneOf(page);
  await buy(phone);
  await page.locator('[data-operator="read"]').click();
  await flip(page, '[data-operator="ship"]');
  // WeChat's shipping knows a payment a minute after it was made.
  await world.control('clock', { advanceSeconds: 400 });
  await until(
    async () => {
      await press(phone, '刷新');
      return phone.getByRole('button', { name: '确认收货' }).count();
    },
    (count) => count === 1,
    'WeChat was told of the parcel',
  );
  await press(phone, '确认收货');
  await press(phone.getByRole('dialog'), '允许');
  // The hours begin when WeChat knows of the receipt.
  await until(
    () => world.control('shipping'),
    ({ orders }) => orders.some(({ order_state }) => order_state === 3),
    'WeChat has the confirmation',
  );
  await world.control('clock', { advanceSeconds: 5 * 3600 });
  await until(
    async () => {
      await press(phone, '刷新');
      return phone.locator('.page').innerText();
    },
    (text) => text.includes('货款已结算'),
    'the money is settled',
  );
});

test('a user asks for a refund and the operator decides', async () => {
  const page = await world.open();
  const phone = phoneOf(page);
  await buy(phone);
  await press(phone, '申请退款');
  await phone.getByRole('textbox', { name: '退款原因' }).fill('买多了');
  await press(phone.getByRole('dialog'), '提交');
  await phone.getByText('退款申请已提交').waitFor();
  await page.locator('[data-operator="read"]').click();
  await page.locator('.controls').getByText('买多了').waitFor();
  await page.getByRole('textbox', { name: /给用户的话/ }).fill('抱歉，已发货');
  await flip(page, '[data-operator="reject"]');
  await press(phone, '刷新');
  await phone.getByText('抱歉，已发货').waitFor();
});

test('without network the phone says so and keeps what was entered', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await fillBasket(phone);
  await phone.getByPlaceholder('想对小店说什么').fill('请放门口');
  await press(phone, '5G：断开网络');
  await press(phone, CHINESE.place);
  await phone.getByText('网络不给力').waitFor();
  assert.equal(await phone.getByPlaceholder('想对小店说什么').inputValue(), '请放门口');
  await press(phone, '离线：打开网络');
  await press(phone, CHINESE.place);
  await payInCashier(phone);
  await expectStatus(phone, 'PAID');
  await phone.getByText('请放门口').waitFor();
});

test('the browser without network is shown too', async () => {
  const page = await world.open({ refusals: true });
  await page.context().setOffline(true);
  await press(phoneOf(page), '订单');
  await phoneOf(page).getByText('网络不给力').waitFor();
  await page.context().setOffline(false);
  await press(phoneOf(page), '再试一次');
  await phoneOf(page).getByText('还没有订单').waitFor();
});

test('a 503 is shown with its code and leads to its request', async () => {
  // Complaints are read by APIv3 also where payments are made by APIv2: the fault concerns the payments' interface.
  await world.control('tasks/complaint-sweep', {});
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await setFault(page, 'busy', '系统忙');
  await fillBasket(phone);
  await press(phone, CHINESE.place);
  await phone.getByText('UPSTREAM_BUSY').waitFor();
  await phone.getByText('系统繁忙，请稍后再试').waitFor();
  await press(phone, '看经过');
  const entry = page.locator('.entry[open]');
  await entry.getByText('UPSTREAM_BUSY').first().waitFor();
  await world.control('faults', undefined, 'DELETE');
  await press(phone, CHINESE.pay);
  await payInCashier(phone);
  await expectStatus(phone, 'PAID');
});

test('a 500 without a body in JSON is shown', async () => {
  const page = await world.open({ refusals: true });
  await page.route('**/api/orders', (route) => route.fulfill({ status: 500, body: '<html>' }));
  await press(phoneOf(page), '订单');
  await phoneOf(page).getByText('HTTP_500').waitFor();
});

test('429 says when to try again', async () => {
  const page = await world.open({ refusals: true });
  await page.route('**/api/orders', (route) =>
    route.fulfill({
      status: 429,
      headers: { 'retry-after': '7' },
      json: { success: false, code: 'RATE_LIMITED', message: '操作太频繁，请稍后再试', requestId: 'r' },
    }),
  );
  await press(phoneOf(page), '订单');
  await phoneOf(page).getByText('操作太频繁，请稍后再试（7 秒后再试）').waitFor();
});

test('an order whose answer was lost is placed once', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  const keys = [];
  await page.route('**/api/orders', async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    keys.push(route.request().headers()['idempotency-key']);
    if (keys.length > 1) return route.fallback();
    await route.fetch();
    return route.abort();
  });
  await placeOrder(phone);
  await page.keyboard.press('Escape');
  assert.deepEqual(await ordersOnPhone(phone), ['待支付']);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
});

test('a token that ends in the middle of an order is replaced', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await fillBasket(phone);
  const before = (await world.timeline()).at(-1).seq;
  await flip(page, '[data-advance="691200"]');
  await press(phone, CHINESE.place);
  await payInCashier(phone);
  await expectStatus(phone, 'PAID');
  const requests = (await world.timeline()).filter(
    ({ seq, kind, caller }) => seq > before && kind === 'request' && caller !== 'operator',
  );
  const orders = requests.filter(({ method, path }) => method === 'POST' && path === '/api/orders');
  assert.deepEqual(
    orders.map(({ status }) => status),
    [401, 200],
  );
  const key = ({ requestHeaders }) => requestHeaders['idempotency-key'];
  assert.ok(key(orders[0]) && key(orders[0]) === key(orders[1]), 'the same order');
  assert.equal(requests.filter(({ path }) => path === '/api/login').length, 1);
});

test('the page goes on when the program was started again', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await buy(phone);
  await world.restart();
  await until(
    () => page.locator('.timeline .entry-title').allInnerTexts(),
    (titles) => titles.includes('POST /api/login') && !titles.includes('POST /api/orders'),
    'a new timeline',
  );
  await phone.locator('.product').first().waitFor();
  await buy(phone);
});
