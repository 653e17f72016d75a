// The same pages in Chromium, on a narrow and on a wide screen, with real clicks: a purchase from the first page to PAID.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import esbuild from 'esbuild'
import { chromium } from 'playwright-core'
import { BASE } from './window.mjs'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))

/** `newPhone` and `makeWx` as a script. */
function phoneScript() {
  const contents = 'import { makeWx, newPhone } from "./wx.mjs"; Object.assign(globalThis, { makeWx, newPhone })'
  const { outputFiles } = esbuild.buildSync({ stdin: { contents, resolveDir: file('../tools') }, bundle: true, format: 'iife', write: false })
  return outputFiles[0].text
}

for (const width of [360, 1024]) {
  test(`a user buys in Chromium at a width of ${width}`, async () => {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage({ viewport: { width, height: 780 } })
      const problems = []
      page.on('pageerror', (error) => problems.push(String(error)))
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
      page.on('request', (request) => !request.url().startsWith(BASE) && problems.push(`a request left: ${request.url()}`))
      // The page has the stack's own address, so that the browser lets it call the stack.
      await page.route(`${BASE}/shop`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><body></body>' }))
      await page.goto(`${BASE}/shop`)
      await page.addScriptTag({ content: phoneScript() })
      await page.evaluate(async (base) => {
        globalThis.phone = await globalThis.newPhone(base)
        globalThis.wx = globalThis.makeWx(globalThis.phone, () => globalThis.host)
      }, BASE)
      await page.addScriptTag({ content: readFileSync(file('../build/shop.js'), 'utf8') })
      await page.evaluate(() => { globalThis.host.open('/pages/index/index') })
      await page.locator('.more').first().click()
      await page.locator('.checkout').click()
      await page.locator('.line').first().waitFor()
      await page.locator('.place').click()
      await page.locator('.status', { hasText: '已支付' }).waitFor({ timeout: 10_000 })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      assert.equal(overflow, 0)
      assert.deepEqual(await page.evaluate(() => globalThis.phone.toasts), ['支付成功'])
      await page.screenshot({ path: file(`../build/paid-${width}.png`) })
      assert.deepEqual(problems, [])
    } finally {
      await browser.close()
    }
  })
}
