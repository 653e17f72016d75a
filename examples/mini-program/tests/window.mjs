// The mini program in jsdom, on one phone.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { JSDOM } from 'jsdom'
import { makeWx, newPhone } from '../tools/wx.mjs'

export const BASE = process.env.MINI_PROGRAM_API
assert.ok(BASE, 'MINI_PROGRAM_API must be the address of a local stack; ./check starts one')

/** A mini program that a user has opened. With the `phone` of another one it is the same phone after a restart. */
export async function openShop(user = {}, phone = undefined) {
  const device = phone ?? await newPhone(BASE, user)
  const { window } = new JSDOM('<!doctype html><body></body>', { runScripts: 'outside-only', pretendToBeVisual: true })
  window.wx = makeWx(device, () => window.host)
  window.eval(readFileSync(new URL('../build/shop.js', import.meta.url), 'utf8'))
  return new Shop(window, device)
}

/** Makes the user staff by the operator's request, signed by curl as an operator would. */
export async function makeStaff(shop) {
  if (!shop.phone.storage['client.token']) {
    shop.open('/pages/index/index')
    await shop.until(() => shop.phone.storage['client.token'])
  }
  const { token } = JSON.parse(shop.phone.storage['client.token'])
  const { user } = await (await fetch(`${BASE}/api/user`, { headers: { authorization: `Bearer ${token}` } })).json()
  const answer = execFileSync('curl', ['-sS', '-X', 'PUT', '--aws-sigv4', 'aws:amz:us-east-1:execute-api', '--user', 'local:local', '-H', 'content-type: application/json',
    '-d', '{"role":"staff"}', `${BASE}/api/admin/users/${user.userId}/role`])
  assert.equal(JSON.parse(answer).success, true)
}

class Shop {
  constructor(window, phone) {
    Object.assign(this, { window, phone, host: window.host })
  }

  open(url) {
    this.host.open(url)
    return this
  }

  get route() { return this.host.top.page.route }
  all(selector) { return [...this.host.top.dom.querySelectorAll(selector)] }
  texts(selector) { return this.all(selector).map((element) => element.textContent.trim()) }
  text(selector) { return this.texts(selector)[0] }

  /** Waits until the condition holds. */
  async until(condition, millis = 8000) {
    const end = Date.now() + millis
    while (!condition()) {
      assert.ok(Date.now() < end, `never: ${condition}; the page shows ${this.host.top.dom.textContent.replace(/\s+/g, ' ')}; toasts: ${this.phone.toasts}`)
      await new Promise((wake) => { setTimeout(wake, 5) })
    }
  }

  async sees(selector, text) { await this.until(() => this.texts(selector).some((one) => one.includes(text))) }
  async toast(text) { await this.until(() => this.phone.toasts.includes(text)) }

  async tap(selector, index = 0) {
    await this.until(() => this.all(selector)[index])
    const element = this.all(selector)[index]
    for (const type of ['mousedown', 'mouseup', 'click']) element.dispatchEvent(new this.window.MouseEvent(type, { bubbles: true, cancelable: true }))
  }

  async type(selector, value) {
    await this.until(() => this.all(selector)[0])
    const [field] = this.all(selector)
    field.value = value
    field.dispatchEvent(new this.window.Event('input', { bubbles: true }))
  }

  /** An event of WeChat's own buttons, such as `chooseavatar`. */
  async fire(selector, type, detail) {
    await this.until(() => this.all(selector)[0])
    this.all(selector)[0].dispatchEvent(new this.window.CustomEvent(type, { bubbles: true, detail }))
  }

  /** Puts goods into the cart, places the order, and is on the page that pays it. */
  async order(times = 1) {
    this.open('/pages/index/index')
    await this.until(() => this.all('.product').length > 0)
    const water = this.texts('.product').findIndex((text) => text.includes('矿泉水'))
    for (let i = 0; i < times; i += 1) await this.tap('.more', water)
    await this.tap('.checkout')
    await this.until(() => this.all('.line').length === 1)
    await this.tap('.place')
    await this.until(() => this.route === 'pages/order/order')
  }

  close() { this.window.close() }
}
