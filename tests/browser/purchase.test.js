import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CHINESE,
  ENGLISH,
  buy,
  enterPassword,
  expectStatus,
  fillBasket,
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

test('a purchase ends paid, and the timeline tells how', async () => {
  const page = await world.open();
  await buy(phoneOf(page));
  const titles = () => page.locator('.timeline > .group > .entry > summary .entry-title').allInnerTexts();
  const wanted = [
    'wx.login',
    'POST /api/login',
    'POST /api/orders',
    'POST /api/pay/unified-order',
    'wx.requestPayment',
    '微信 → /api/pay/notify',
  ];
  const seen = await until(titles, (found) => wanted.every((title) => found.includes(title)), 'what a purchase consists of');
  const places = wanted.map((title) => seen.indexOf(title));
  assert.deepEqual(
    places,
    places.toSorted((one, other) => one - other),
    'in the order in which it happened',
  );
  const prepay = page
    .locator('.group', { has: page.getByText('POST /api/pay/unified-order', { exact: true }) })
    .last()
    .locator('.entry-chain');
  await until(
    () => prepay.innerText(),
    (text) => text.includes('/pay/unifiedorder') && text.includes('DynamoDB'),
    'what the function called',
  );
  const notice = page
    .locator('.group', { has: page.getByText('微信 → /api/pay/notify', { exact: true }) })
    .last()
    .locator('.entry-chain');
  await until(
    () => notice.innerText(),
    (text) => text.includes('POST /api/pay/notify') && text.includes('DynamoDB'),
    'what the notice caused',
  );
});

test('a purchase on a screen of 360 pixels ends paid and fits', async () => {
  const page = await world.open({ width: 360, height: 740 });
  const fits = async () => {
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('body *')]
        .filter((element) => element.getClientRects().length > 0 && element.getBoundingClientRect().right > 360.5)
        .map((element) => `${element.tagName}.${element.className}`),
    );
    assert.deepEqual(wide, [], 'nothing is wider than the screen');
  };
  const phone = phoneOf(page);
  await fits();
  await placeOrder(phone);
  await fits();
  await payInCashier(phone);
  await expectStatus(phone, 'PAID');
  await fits();
  await page.locator('[data-part="happened"]').click();
  await page.getByText('POST /api/orders', { exact: true }).last().waitFor();
  await fits();
  await page.locator('[data-part="controls"]').click();
  await page.locator('.controls [data-fault="notice_lost"]').waitFor();
  await fits();
});

test('the English switch leaves nothing of the page Chinese', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  // The names of products and people, and what the back end says, stay as they are.
  const data = /矿泉水|草莓蛋糕|拿铁咖啡|晴雨伞|小明|中文|违规|微信用户|^微$/gm;
  const onlyEnglish = async (where) => {
    const text = (await page.locator('body').innerText()).replace(data, '');
    assert.deepEqual(text.match(/[^\n]*\p{Script=Han}[^\n]*/gu), null, where);
  };
  await press(page, 'English');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.locator('[data-operator="read"]').click();
  await page.getByText('Refund requests').waitFor();
  await onlyEnglish('the shop and the panels');
  await fillBasket(phone, ENGLISH);
  await onlyEnglish('the new order');
  await press(phone, ENGLISH.place);
  await phone.getByRole('dialog').waitFor();
  await onlyEnglish('the cashier');
  await press(phone, ENGLISH.payNow);
  await onlyEnglish('the password');
  await page.keyboard.press('Escape');
  await expectStatus(phone, 'UNPAID');
  await onlyEnglish('an order that is not paid');
  await press(phone, 'Back');
  await press(phone, 'Orders');
  await phone.locator('.order').first().waitFor();
  await onlyEnglish('the orders');
  await phone.locator('.order').first().click();
  await press(phone, ENGLISH.pay);
  await payInCashier(phone, { words: ENGLISH });
  await expectStatus(phone, 'PAID');
  assert.equal(await phone.locator('[data-status]').innerText(), 'Paid');
  await onlyEnglish('a paid order');
  await press(phone, 'Back');
  await press(phone, 'Steps');
  await onlyEnglish('the steps');
  await press(phone, 'Me');
  for (const name of ['Fingerprint', 'Cards', 'Subscribe messages', 'Customer service']) {
    await press(phone, name);
    await phone.locator('[aria-busy="false"]').waitFor();
    await onlyEnglish(name);
    await press(phone, 'Back');
  }
  await phone.getByRole('button', { name: /Choose a picture/ }).click();
  await onlyEnglish('picture and name');
  await page.reload();
  await page.getByRole('heading', { name: 'What happened' }).waitFor();
});

test('a purchase can be made with the keyboard alone', async () => {
  const page = await world.open();
  const go = async (name) => {
    for (let presses = 0; presses < 60; presses += 1) {
      const focused = await page.evaluate(
        () => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent,
      );
      if (focused === name) return page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
    }
    return assert.fail(`the Tab key does not reach ${name}`);
  };
  await go(CHINESE.add);
  await go(CHINESE.checkout);
  await phoneOf(page).getByText('合计').first().waitFor();
  await go(CHINESE.place);
  const dialog = phoneOf(page).getByRole('dialog');
  await dialog.waitFor();
  // The focus is in the dialog and stays there.
  for (let presses = 0; presses < 8; presses += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement.closest('[role="dialog"]') !== null));
  }
  await go(CHINESE.payNow);
  await dialog.getByText('请输入支付密码').waitFor();
  await page.keyboard.type('123456');
  await expectStatus(phoneOf(page), 'PAID');
});

test('the dialog ends with Escape, and the focus goes back', async () => {
  const page = await world.open({ refusals: true });
  await fillBasket(phoneOf(page));
  await press(phoneOf(page), '选择收货地址（可不填）');
  await page.keyboard.press('Escape');
  await phoneOf(page).getByText('已取消').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '选择收货地址（可不填）');
});

test('a cancelled payment leaves an order that can be paid later', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await placeOrder(phone);
  await page.keyboard.press('Escape');
  await phone.getByText('已取消').waitFor();
  await expectStatus(phone, 'UNPAID');
  await press(phone, CHINESE.pay);
  await press(phone.getByRole('dialog'), '关闭');
  await phone.getByRole('button', { name: '取消订单' }).waitFor();
  await expectStatus(phone, 'UNPAID');
  await press(phone, CHINESE.pay);
  await payInCashier(phone);
  await expectStatus(phone, 'PAID');
});

test('an order that is cancelled is closed', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await placeOrder(phone);
  await page.keyboard.press('Escape');
  await press(phone, '取消订单');
  await press(phone.getByRole('dialog'), '取消订单');
  await expectStatus(phone, 'CLOSED');
});

test('the cashier refuses a wrong password and an empty balance', async () => {
  const page = await world.open();
  const phone = phoneOf(page);
  await placeOrder(phone);
  await phone.getByLabel('零钱（剩余 ¥0.00）').check();
  await press(phone, CHINESE.payNow);
  await phone.getByText('余额不足，请更换支付方式').waitFor();
  await phone.getByLabel('储蓄卡（尾号 0428）').check();
  await payInCashier(phone, { password: '000000' });
  await phone.getByText('支付密码错误，请重试').waitFor();
  await expectStatus(phone, 'UNPAID');
  await enterPassword(phone, '123456');
  await expectStatus(phone, 'PAID');
});

test("WeChat's 'balance not enough' is shown, and the order stays", async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await setFault(page, 'err_code', '余额不足');
  await fillBasket(phone);
  await press(phone, CHINESE.place);
  await phone.getByText('BALANCE_NOT_ENOUGH').waitFor();
  await phone.getByText('余额不足').waitFor();
  await press(phone, CHINESE.pay);
  await payInCashier(phone);
  await expectStatus(phone, 'PAID');
});

test('two taps at once place one order', async () => {
  const page = await world.open({ refusals: true });
  const phone = phoneOf(page);
  await fillBasket(phone);
  await phone.getByRole('button', { name: CHINESE.place }).evaluate((button) => {
    button.click();
    button.click();
  });
  await phone.getByRole('dialog').waitFor();
  assert.equal(await phone.getByRole('dialog').count(), 1);
  await page.keyboard.press('Escape');
  assert.deepEqual(await ordersOnPhone(phone), ['待支付']);
});
