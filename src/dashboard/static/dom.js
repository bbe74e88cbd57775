// Making and updating elements. Text only ever becomes text nodes, so what a machine calls itself is never markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export const byId = (id) => document.getElementById(id);

// Writes only what differs: nothing flickers and a selection survives.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Shows one element for each item, in order. An element stays while its item stays the same, so focus, open details
// and selections survive an update. render(item, isNew): isNew is false when everything is new.
export function keyed(parent, items, key, render) {
  const old = parent.shown ?? new Map();
  const shown = new Map();
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const data = JSON.stringify(item);
    const before = old.get(name);
    const node = before?.data === data ? before.node : render(item, old.size > 0 && !before);
    shown.set(name, { data, node });
    if (before && before.node !== node) {
      if (before.node === place) place = place.nextElementSibling;
      before.node.remove();
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const [name, { node }] of old) if (!shown.has(name)) node.remove();
  parent.shown = shown;
}

// ---- states: a shape for each, beside its word ----

const SHAPES = {
  good: () => svg('circle', { cx: 6, cy: 6, r: 6 }),
  warn: () => svg('path', { d: 'M6 .5 12 11.5H0z' }),
  bad: () => svg('path', { d: 'M6 0 12 6 6 12 0 6z' }),
  idle: () => svg('circle', { cx: 6, cy: 6, r: 4.5 }),
};

export function shape(level) {
  return svg('svg', { viewBox: '-.5 -.5 13 13', 'aria-hidden': 'true' }, SHAPES[level]());
}

export function state(level, word) {
  return el('span', { class: `state ${level}${level === 'idle' ? ' hollow' : ''}` }, shape(level), word);
}

// What is there when nothing is: what it means and what to do next. command may be left out.
export function empty(title, text, command) {
  return el('div', { class: 'empty' }, el('strong', {}, title), text, command ? el('code', {}, command) : null);
}
