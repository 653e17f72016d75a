// Shows the description of the API: families, operations, a filter.

import { Description } from './description.js'
import { element, paragraphs, prose } from './dom.js'
import { operationPart, searchText } from './operation.js'

const status = document.getElementById('status')
const announce = (text) => {
  status.textContent = text
}

async function start() {
  const answer = await fetch('openapi.json')
  if (!answer.ok) throw new Error(`the description could not be read (${answer.status})`)
  const description = new Description(await answer.json())
  const { info, tags } = description.root
  document.title = info.title
  document.getElementById('title').textContent = info.title
  document.getElementById('about').append(...paragraphs(info.description))

  const shown = []
  const families = tags.map((tag) => {
    const operations = description.operations().filter((operation) => operation.tags[0] === tag.name)
    const parts = operations.map((operation) => {
      const part = operationPart(description, operation, announce)
      shown.push({ part, text: searchText(description, operation) })
      return part
    })
    const id = tag.name.toLowerCase().replaceAll(' ', '-')
    const family = element(
      'section',
      { 'aria-labelledby': id },
      element('h2', { id }, tag.name),
      element('p', {}, prose(tag.description), ' The rules: ', element('code', {}, `docs/${tag.externalDocs.url}`)),
      parts,
    )
    const link = element('li', {}, element('a', { href: `#${id}` }, tag.name))
    document.getElementById('families').append(link)
    return { family, link, parts }
  })
  document.getElementById('operations').append(...families.map(({ family }) => family))

  const filter = document.getElementById('filter')
  filter.addEventListener('input', () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    for (const { part, text } of shown) part.hidden = !words.every((word) => text.includes(word))
    for (const { family, link, parts } of families) {
      family.hidden = link.hidden = parts.every((part) => part.hidden)
    }
    const count = shown.filter(({ part }) => !part.hidden).length
    announce(`${count} of ${shown.length} operations`)
  })
  announce(`${shown.length} operations`)

  const openTarget = () => {
    const part = document.getElementById(decodeURIComponent(location.hash.slice(1)))
    if (part instanceof HTMLDetailsElement) part.open = true
    part?.scrollIntoView()
  }
  addEventListener('hashchange', openTarget)
  openTarget()
}

start().catch((error) => announce(error.message))
