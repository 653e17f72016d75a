// An operation as a part of the page that opens.

import { curl } from './curl.js'
import { Description } from './description.js'
import { element, paragraphs, prose } from './dom.js'
import { tree } from './schema.js'

/** The operation; what is inside is made when it is opened for the first time. */
export function operationPart(description, operation, announce) {
  const summary = element(
    'summary',
    {},
    element('span', { class: `method ${operation.method.toLowerCase()}` }, operation.method),
    ' ',
    element('code', { class: 'path' }, breakable(operation.path)),
    ' ',
    element('span', { class: 'who' }, CALLERS[operation.who[0]]),
    element('span', { class: 'summary' }, operation.summary),
  )
  const part = element('details', { id: operation.operationId, class: 'operation' }, summary)
  part.addEventListener('toggle', () => {
    if (part.open && part.children.length === 1) part.append(content(description, operation, announce))
  })
  return part
}

/** Everything that a search can find of an operation. */
export function searchText(description, operation) {
  const { method, path, summary, operationId, responses, parameters } = operation
  const codes = responses.flatMap(([, response]) => Object.values(response.content ?? {}).flatMap(({ schema }) => (schema ? description.codes(schema) : [])))
  const bodies = [operation.requestBody, ...responses.filter(([status]) => status < '300').map(([, response]) => response)]
  const fields = bodies.flatMap((body) => Object.values(body?.content ?? {}).flatMap(({ schema }) => names(description, schema)))
  return [method, path, summary, operationId, ...codes, ...parameters.map(({ name }) => name), ...fields].join(' ').toLowerCase()
}

function names(description, schema, depth = 0) {
  const read = description.target(schema)
  if (!read || depth > 6) return []
  const below = [read.items, ...(read.oneOf ?? []), ...(read.anyOf ?? []), ...(read.allOf ?? []), ...Object.values(read.properties ?? {})]
  return [...Object.keys(read.properties ?? {}), ...below.flatMap((one) => names(description, one, depth + 1))]
}

function content(description, operation, announce) {
  const command = curl(operation, location.origin)
  const copy = element('button', { type: 'button' }, 'Copy as curl')
  const shown = element('pre', { tabindex: '0' }, command)
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(command)
      announce(`The command for ${operation.method} ${operation.path} is copied.`)
    } catch {
      // A browser keeps the clipboard away from a page of another machine without TLS.
      getSelection().selectAllChildren(shown)
      announce('The browser does not let this page copy. The command is selected: copy it by hand.')
    }
  })
  return element(
    'div',
    { class: 'content' },
    operation.description ? paragraphs(operation.description) : '',
    element('p', {}, element('b', {}, 'Who: '), operation.who.map((one) => CALLERS[one]).join(' or ')),
    element('h4', {}, 'Call it'),
    shown,
    copy,
    parameterList(description, operation),
    operation.requestBody ? bodyPart(description, 'Request', operation.requestBody) : '',
    element('h4', {}, 'Answers'),
    operation.responses.map(([status, response]) => answerPart(description, status, response)),
  )
}

function parameterList(description, operation) {
  if (operation.parameters.length === 0) return ''
  const rows = operation.parameters.map((parameter) => {
    const wrapped = { properties: { [parameter.name]: { ...description.target(parameter.schema), description: parameter.description } } }
    if (parameter.required) wrapped.required = [parameter.name]
    const list = tree(description, wrapped)
    list.firstChild.append(element('span', { class: 'place' }, ` in the ${parameter.in}`))
    return list.firstChild
  })
  return [element('h4', {}, 'Parameters'), element('ul', { class: 'tree' }, rows)]
}

function bodyPart(description, title, body) {
  const parts = Object.entries(body.content ?? {}).map(([mediaType, content]) => [
    element('p', { class: 'media' }, element('code', {}, mediaType)),
    content.schema ? tree(description, content.schema) : '',
    Description.examples(content).map(([name, example]) => [
      element('p', { class: 'example' }, name ? `Example: ${name}` : 'Example'),
      element('pre', { tabindex: '0' }, typeof example === 'string' ? example : JSON.stringify(example, null, 2)),
    ]),
  ])
  return [title ? element('h4', {}, title) : '', parts.flat(3)].flat()
}

function answerPart(description, status, response) {
  const schemas = Object.values(response.content ?? {}).map(({ schema }) => schema).filter(Boolean)
  const codes = schemas.flatMap((schema) => description.codes(schema))
  const headers = Object.entries(response.headers ?? {})
  const part = element(
    'details',
    { class: 'answer', open: status < '300' },
    element('summary', {}, element('b', {}, status), ' ', codes.map((code) => element('code', {}, code)).flatMap((code) => [code, ' ']), prose(response.description)),
    headers.map(([name, header]) => element('p', {}, element('code', {}, name), ' ', prose(header.description ?? ''))),
    bodyPart(description, '', response),
  )
  return part
}

/** A path that can be broken before each slash, for narrow screens. */
function breakable(path) {
  return path.split(/(?=\/)/).flatMap((part) => [document.createElement('wbr'), part])
}

const CALLERS = {
  anybody: 'anybody',
  operator: 'operators',
  staff: 'staff',
  user: 'users',
  weChatPay: 'WeChat Pay',
  weChatPush: 'WeChat',
}
