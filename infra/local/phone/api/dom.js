// Small helpers that make elements. Texts of the description are never read as HTML.

/** An element with attributes and children. A child can be an element or a text; what is absent is left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '')
    else if (value !== undefined && value !== false) made.setAttribute(key, value)
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ''))
  return made
}

/** Text of the description: `code` between backquotes, and links, whose pages are not on this server, as their text. */
export function prose(text) {
  const parts = text.trim().split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/)
  return parts.map((part) => {
    if (part.startsWith('`')) return element('code', {}, part.slice(1, -1))
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part)
    return link ? `docs/${link[2]}` : part
  })
}

/** The paragraphs of a text. */
export function paragraphs(text) {
  return text.trim().split(/\n\s*\n/).map((paragraph) => element('p', {}, prose(paragraph)))
}
