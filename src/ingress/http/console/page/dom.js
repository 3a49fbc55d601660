// Elements. Whatever comes from the API becomes a text node or an attribute, never HTML.

/** An element with attributes and listeners (`onclick`); children are elements, or are shown as texts. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) {
      element.addEventListener(key.slice(2), value);
    } else if (value !== undefined) {
      element.setAttribute(key, value);
    }
  }
  element.append(...children.map((child) => (child instanceof Node ? child : visible(child))));
  return element;
}

/** A text in which nothing turns around what stands beside it; a dash where there is none. */
export function visible(value) {
  const text = value === null || value === undefined || value === '' ? '–' : String(value);
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (sign) => {
    return `[U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`;
  });
}

/** A button; `name` is its class. */
export function button(text, onclick, name) {
  return el('button', { type: 'button', class: name, onclick }, text);
}

/** Names and values beneath each other. */
export function facts(pairs) {
  return el('dl', {}, ...pairs.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

/** A table; a heading that ends in `#` has numbers below it. */
export function table(caption, headings, rows) {
  const is_number = headings.map((heading) => heading.endsWith('#'));
  const cell = (value, at) => el('td', { class: is_number[at] ? 'number' : undefined }, value);
  const made = el(
    'table',
    {},
    el('caption', {}, caption),
    el('thead', {}, head(headings)),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map(cell)))),
  );
  return el('div', { class: 'scroll' }, made);
}

/** The first row of a table. */
export function head(headings) {
  const titles = headings.map((heading) => {
    const is_number = heading.endsWith('#');
    const name = is_number ? 'number' : undefined;
    return el('th', { scope: 'col', class: name }, heading.replace(/#$/, ''));
  });
  return el('tr', {}, ...titles);
}

/** A word in the colour of what it says. */
export function word(text, kind) {
  return el('span', { class: kind }, text);
}
