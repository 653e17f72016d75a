// A second opinion: WeChat's own compiler of WXML and its classic framework (exparser) draw every page too, because glass-easel forgives
// what they do not.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import esbuild from 'esbuild'
import { JSDOM } from 'jsdom'
import { makeWx, newPhone } from '../tools/wx.mjs'
import { BASE } from './window.mjs'

const SOURCE = fileURLToPath(new URL('../miniprogram/', import.meta.url))
const BUILD = fileURLToPath(new URL('../build/simulate/', import.meta.url))
const { pages } = JSON.parse(readFileSync(path.join(SOURCE, 'app.json'), 'utf8'))

/** The pages as components, in JavaScript. */
function build() {
  rmSync(BUILD, { recursive: true, force: true })
  for (const page of pages) {
    const folder = path.join(BUILD, path.dirname(page))
    mkdirSync(folder, { recursive: true })
    esbuild.buildSync({ entryPoints: [path.join(SOURCE, `${page}.ts`)], bundle: true, format: 'cjs', outfile: path.join(BUILD, `${page}.js`), target: 'es2020', logLevel: 'error' })
    for (const end of ['wxml', 'wxss']) writeFileSync(path.join(BUILD, `${page}.${end}`), readFileSync(path.join(SOURCE, `${page}.${end}`)))
    writeFileSync(path.join(BUILD, `${page}.json`), '{ "component": true }')
  }
}

test('every page is drawn by WeChat’s classic framework, and prints no null', async () => {
  build()
  const { window } = new JSDOM('<!doctype html><body></body>', { pretendToBeVisual: true })
  for (const name of ['window', 'document', 'Node', 'HTMLElement', 'MutationObserver', 'Event', 'CustomEvent', 'TouchEvent', 'Element', 'Text', 'Comment', 'DocumentFragment']) {
    globalThis[name] = name === 'window' ? window : window[name]
  }
  const simulate = createRequire(import.meta.url)('miniprogram-simulate')
  const phone = await newPhone(BASE, { nickName: '小明' })
  const opened = []
  globalThis.wx = makeWx(phone, () => ({ open: (url) => opened.push(url), redirect: (url) => opened.push(url) }))
  const functions = (options) => Object.fromEntries(Object.entries(options).filter(([, value]) => typeof value === 'function'))
  const fields = (options) => Object.fromEntries(Object.entries(options).filter(([name, value]) => name !== 'data' && typeof value !== 'function'))
  globalThis.Page = (options) => globalThis.Component({
    data: options.data, methods: functions(options), lifetimes: { created() { Object.assign(this, fields(options)) } },
  })
  assert.equal(readdirSync(path.join(BUILD, 'pages')).length, pages.length)
  for (const page of pages) {
    const component = simulate.render(simulate.load(path.join(BUILD, page), { compiler: 'official', rootPath: BUILD }))
    component.attach(window.document.body)
    await component.instance.onLoad?.({})
    await component.instance.onShow?.()
    for (let waits = 0; waits < 40 && component.dom.innerHTML.length <= 60; waits += 1) await new Promise((wake) => { setTimeout(wake, 50) })
    const shown = component.dom.textContent
    assert.ok(component.dom.innerHTML.length > 60, `${page} is empty`)
    assert.doesNotMatch(shown, /null|undefined|NaN|\[object/, page)
    component.detach()
  }
})
