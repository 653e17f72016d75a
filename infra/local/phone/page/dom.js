// Elements, and a renderer that changes what differs: enough for the pages of the phone and for the panels beside it.

const SVG = 'http://www.w3.org/2000/svg';
const SVG_TAGS = new Set(['svg', 'path', 'circle', 'rect', 'g', 'line', 'polyline']);
const HANDLERS = Symbol('handlers');
const KEY = Symbol('key');

/**
 * Makes an element. `on…` members become event handlers, `style` is an object of CSS properties (custom ones too), `key` says which
 * element of an earlier rendering this is, and false or absent values leave an attribute out.
 */
export function h(tag, properties = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  element[HANDLERS] = {};
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'key') element[KEY] = value;
    else if (name.startsWith('on')) {
      element[HANDLERS][name] = value;
      element[name] = value;
    } else if (name === 'style') {
      for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    } else if (name === 'value') element.value = value;
    else if (name === 'checked') element.checked = true;
    else element.setAttribute(name, value === true ? '' : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false || child === '') continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Makes the children of `parent` equal to `children`, and keeps the elements that are there: with them focus, scroll and what is typed. */
export function render(parent, ...children) {
  const wanted = document.createElement('div');
  append(wanted, children);
  patchChildren(parent, wanted);
}

function patchChildren(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (child[KEY] !== undefined) keyed.set(child[KEY], child);
  let current = parent.firstChild;
  for (const next of [...wanted.childNodes]) {
    const known = next[KEY] === undefined ? current : keyed.get(next[KEY]);
    if (known && isSame(known, next)) {
      if (known === current) current = current.nextSibling;
      else parent.insertBefore(known, current);
      patch(known, next);
    } else {
      parent.insertBefore(next, current);
    }
  }
  while (current) {
    const rest = current.nextSibling;
    current.remove();
    current = rest;
  }
}

function isSame(known, next) {
  return (
    known.nodeType === next.nodeType && known.nodeName === next.nodeName && known[KEY] === next[KEY] && known.type === next.type
  );
}

function patch(known, next) {
  if (known.nodeType === Node.TEXT_NODE) {
    if (known.data !== next.data) known.data = next.data;
    return;
  }
  for (const { name } of [...known.attributes]) if (!next.hasAttribute(name)) known.removeAttribute(name);
  for (const { name, value } of next.attributes) if (known.getAttribute(name) !== value) known.setAttribute(name, value);
  const handlers = next[HANDLERS] ?? {};
  for (const name of Object.keys(known[HANDLERS] ?? {})) if (!handlers[name]) known[name] = null;
  Object.assign(known, handlers);
  known[HANDLERS] = handlers;
  if (known.nodeName === 'TEXTAREA') {
    if (known.value !== next.value) known.value = next.value;
    return;
  }
  patchChildren(known, next);
  // After the children, because the value of a select is one of its options.
  if (['INPUT', 'SELECT'].includes(known.nodeName) && known.type !== 'file') {
    if (known.checked !== next.checked) known.checked = next.checked;
    if (known.value !== next.value) known.value = next.value;
  }
}

/** Keeps the focus inside of `element`, as a dialog must. Escape calls `cancel`. */
export function trapFocus(element, cancel) {
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      cancel();
    }
    if (event.key !== 'Tab') return;
    const stops = focusable(element);
    const at = stops.indexOf(document.activeElement);
    const leaves = event.shiftKey ? at <= 0 : at === stops.length - 1;
    if (!leaves) return;
    event.preventDefault();
    stops.at(event.shiftKey ? -1 : 0)?.focus();
  });
}

/** The elements inside of `element` that the Tab key reaches. */
export function focusable(element) {
  const all = element.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]');
  return [...all].filter((stop) => !stop.disabled && stop.getClientRects().length > 0 && stop.tabIndex >= 0);
}
