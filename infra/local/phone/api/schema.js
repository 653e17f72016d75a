// A schema as a tree of lists.

import { Description } from './description.js'
import { element, prose } from './dom.js'

/** The fields of a schema; `undefined` if it has none. A schema that stands within itself is named and not opened again. */
export function tree(description, schema, above = []) {
  const name = Description.nameOf(schema)
  if (name && above.includes(name)) return element('p', {}, 'as ', element('code', {}, name))
  const within = name ? [...above, name] : above
  const read = description.target(schema)
  const alternatives = read.oneOf ?? read.anyOf
  if (alternatives?.every((one) => description.target(one).properties)) {
    return element('div', {}, alternatives.map((one, index) => alternative(description, one, index, within)))
  }
  const properties = { ...read.properties }
  for (const part of read.allOf ?? []) {
    for (const [field, value] of Object.entries(description.target(part).properties ?? {})) {
      // The error codes of a failure are narrower than those of all failures.
      properties[field] = { ...properties[field], ...description.target(value) }
    }
  }
  const required = [read, ...(read.allOf ?? [])].flatMap((part) => description.target(part).required ?? [])
  const names = Object.keys(properties)
  // Required fields first; otherwise as they stand.
  names.sort((one, other) => required.includes(other) - required.includes(one))
  const rows = names.map((field) => row(description, field, properties[field], required.includes(field), within))
  if (typeof read.additionalProperties === 'object') {
    rows.push(row(description, '…', read.additionalProperties, false, within))
  }
  return rows.length > 0 ? element('ul', { class: 'tree' }, rows) : undefined
}

function alternative(description, schema, index, within) {
  const title = description.target(schema).title ?? Description.nameOf(schema)
  return element('section', { class: 'alternative' }, element('p', {}, `${index === 0 ? 'Either' : 'Or'}: ${title}`), tree(description, schema, within))
}

function row(description, field, schema, isRequired, within) {
  const read = description.target(schema)
  const items = read.items && description.target(read.items)
  const below = tree(description, read.items ?? schema, within)
  return element(
    'li',
    {},
    element('code', { class: 'field' }, field),
    isRequired ? '' : element('span', { class: 'optional', title: 'can be absent' }, '?'),
    ' ',
    element('span', { class: 'type' }, typeName(read, items)),
    limits(items && !items.properties ? { ...read, ...items, description: read.description ?? items.description } : read),
    read.description ?? items?.description ? element('span', { class: 'says' }, ' ', prose(read.description ?? items.description)) : '',
    below,
  )
}

function typeName(schema, items) {
  const own = [schema.type ?? (schema.const !== undefined ? typeof schema.const : 'any')].flat().join(' or ')
  return own === 'array' ? `list of ${items?.type ?? 'values'}` : own
}

/** What a value must be, in words. */
function limits(schema) {
  const said = []
  if (schema.const !== undefined) said.push(JSON.stringify(schema.const))
  if (schema.enum && schema.enum.length <= 12) said.push(schema.enum.map((value) => JSON.stringify(value)).join(' | '))
  said.push(range(schema.minimum, schema.maximum, ''))
  said.push(range(schema.minLength, schema.maxLength, ' characters'))
  said.push(range(schema.minItems, schema.maxItems, ' items'))
  if (schema.pattern) said.push(`/${schema.pattern}/`)
  if (schema.default !== undefined) said.push(`without it ${JSON.stringify(schema.default)}`)
  const words = said.filter(Boolean).join(', ')
  return words ? element('span', { class: 'limits' }, ` ${words}`) : ''
}

function range(least, most, unit) {
  if (least === undefined && most === undefined) return ''
  if (least === most) return `${most}${unit}`
  if (most === undefined) return `at least ${least}${unit}`
  return least === undefined ? `up to ${most}${unit}` : `${least} to ${most}${unit}`
}
