// Makes one script of the mini program's source, for a browser or jsdom: `node tools/build.mjs OUTFILE`.
import esbuild from 'esbuild'
import { TmplGroup } from 'glass-easel-template-compiler'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const SOURCE = path.join(HERE, '..', 'miniprogram')

const read = (file) => (existsSync(path.join(SOURCE, file)) ? readFileSync(path.join(SOURCE, file), 'utf8') : '')
const toCalc = (css) => css.replace(/(-?[\d.]+)rpx/g, 'calc($1 * 100vw / 750)')

/** The pages of app.json, compiled; `{ templates, problems }`. */
function compileTemplates() {
  const group = new TmplGroup()
  const problems = []
  for (const file of readdirSync(SOURCE, { recursive: true })) {
    if (file.endsWith('.wxml')) problems.push(...group.addTmpl(file.slice(0, -5), read(file)).filter((one) => one.isError).map((one) => ({ file, ...one })))
  }
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 1))
  return group.getTmplGenObjectGroups()
}

export function buildShop(outfile) {
  const { pages } = JSON.parse(read('app.json'))
  const required = (file) => `() => require(${JSON.stringify(path.join(SOURCE, file))})`
  const definitions = pages.map((page) => {
    const facts = { page, json: JSON.parse(read(`${page}.json`) || '{}'), css: toCalc(read(`${page}.wxss`)) }
    return `host.define(${JSON.stringify(facts)}, templates, ${required(page)})`
  })
  const contents = `import { Host } from ${JSON.stringify(path.join(HERE, 'host.mjs'))}
    const templates = ${compileTemplates()}
    const host = globalThis.host = new Host(${JSON.stringify(toCalc(read('app.wxss')))})
    ${definitions.join('\n')}
    host.launch(${required('app')})`
  esbuild.buildSync({ stdin: { contents, resolveDir: HERE }, bundle: true, format: 'iife', outfile, resolveExtensions: ['.ts', '.mjs', '.js'], target: 'es2020', logLevel: 'error' })
}

/** The client alone, for the unit tests. */
export function buildClient(outfile) {
  esbuild.buildSync({ entryPoints: [path.join(SOURCE, 'client', 'index.ts')], bundle: true, format: 'esm', outfile, target: 'es2020', logLevel: 'error' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildShop('build/shop.js')
  buildClient('build/client.mjs')
}
