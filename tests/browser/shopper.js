// What a person does on one of the page's phones.

import assert from 'node:assert/strict';

export const CHINESE = { add: '加一件矿泉水 550ml', checkout: '去结算', place: '提交订单', payNow: '立即支付', pay: '支付' };
export const ENGLISH = {
  add: 'One more 矿泉水 550ml',
  checkout: 'Check out',
  place: 'Place the order',
  payNow: 'Pay now',
  pay: 'Pay',
};

export const phoneOf = (page, number = 0) => page.locator('.phone').nth(number);
export const press = (place, name) => place.getByRole('button', { name, exact: true }).click();

/** Puts water into the basket and goes to the order's page. */
export async function fillBasket(phone, words = CHINESE) {
  await press(phone, words.add);
  await press(phone, words.checkout);
  await phone.getByRole('button', { name: words.place }).waitFor();
}

/** Places an order for water: the cashier is open after it. */
export async function placeOrder(phone, words = CHINESE) {
  await fillBasket(phone, words);
  await press(phone, words.place);
  await phone.getByRole('dialog').waitFor();
}

/** Pays in the cashier that is open. */
export async function payInCashier(phone, { words = CHINESE, password = '123456' } = {}) {
  await press(phone, words.payNow);
  await enterPassword(phone, password);
}

export async function enterPassword(phone, password) {
  for (const digit of password) await press(phone.getByRole('dialog'), digit);
}

/** Waits until the order on the screen has this state. */
export async function expectStatus(phone, status) {
  await phone.locator(`[data-status="${status}"]`).waitFor();
}

export async function buy(phone, words = CHINESE) {
  await placeOrder(phone, words);
  await payInCashier(phone, { words });
  await expectStatus(phone, 'PAID');
}

/** The id of the order on the screen. */
export async function orderId(phone) {
  const text = await phone.locator('.page-order').innerText();
  const [id] = /0[0-9A-HJKMNP-TV-Z]{25}/.exec(text) ?? [];
  assert.ok(id, `an order's id in: ${text}`);
  return id;
}

/** The states of the user's orders, newest first, as the list of orders shows them. */
export async function ordersOnPhone(phone, tab = '订单') {
  if (await phone.getByRole('button', { name: '返回' }).isVisible()) await press(phone, '返回');
  await press(phone, tab);
  await phone.locator('.order, .page-orders .empty').first().waitFor();
  return phone.locator('.order .status').allInnerTexts();
}

/** Presses a switch of the controls by what it is, and waits until it says that it is done. */
export async function flip(page, selector) {
  await page.locator(`.controls ${selector}`).click();
  // Days of schedules can take their time.
  await page.locator('.said:not(:empty, .working)').waitFor({ timeout: 120_000 });
  assert.equal(await page.locator('.said.bad').count(), 0, await page.locator('.said').innerText());
}

export const setFault = (page, fault, text) =>
  text
    ? page
        .locator('.controls')
        .getByRole('button', { name: text, exact: true })
        .click()
        .then(() => page.locator('.pending', { hasText: fault }).waitFor())
    : flip(page, `[data-fault="${fault}"]`).then(() => page.locator('.pending', { hasText: fault }).waitFor());

/** Waits until `read` answers something that `is` accepts. */
export async function until(read, is, what) {
  let last;
  for (let tries = 0; tries < 200; tries += 1) {
    last = await read();
    if (is(last)) return last;
    await new Promise((wake) => {
      setTimeout(wake, 100);
    });
  }
  return assert.fail(`${what}: ${JSON.stringify(last)?.slice(0, 2000)}`);
}
