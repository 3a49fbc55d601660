// A list of the API: filters above it, pages below it, and rows that open.

import { read } from './api.js';
import { button, el, head } from './dom.js';
import { poll } from './poll.js';

const ROWS = 25;

/**
 * Shows a list in a section. `columns` are headings with what each shows of an item; the first is the button
 * that opens it. Answers what begins it anew.
 */
export function list(section, route, every_s, columns, opened) {
  const form = section.querySelector('form');
  const [first, next] = [section.querySelector('.first'), section.querySelector('.next')];
  const body = section.querySelector('tbody');
  let asked = filter(form);
  let cursor = null;
  let following = null;

  function show({ items, next: after = null }) {
    following = after;
    first.disabled = cursor === null;
    next.disabled = after === null;
    const focused = document.activeElement?.dataset.item;
    const rows = items.map((item) => row(item, columns, opened));
    body.replaceChildren(...(rows.length > 0 ? rows : [nothing(columns.length)]));
    // Rows are made anew, and the keyboard stays where it was.
    const again = [...body.querySelectorAll('[data-item]')].find((one) => one.dataset.item === focused);
    again?.focus();
  }

  section.querySelector('thead').replaceChildren(head(columns.map(([heading]) => heading)));
  const begin = poll(
    section,
    every_s,
    () => read(route, { query: { ...asked, limit: ROWS, cursor } }),
    show,
  );
  function turn(to) {
    cursor = to;
    begin();
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    asked = filter(form);
    turn(null);
  });
  first.addEventListener('click', () => turn(null));
  next.addEventListener('click', () => turn(following));
  return begin;
}

/** What a form of filters asks for; empty fields ask for nothing. */
export function filter(form) {
  const fields = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(fields.filter(([, value]) => value !== ''));
}

function row(item, columns, opened) {
  const cells = columns.map(([heading, shown], at) => {
    const name = heading.endsWith('#') ? 'number' : undefined;
    if (at > 0) {
      return el('td', { class: name }, shown(item));
    }
    const opens = button(shown(item), () => opened(item), 'link');
    opens.dataset.item = item.id;
    return el('td', {}, opens);
  });
  return el('tr', {}, ...cells);
}

function nothing(width) {
  return el('tr', {}, el('td', { colspan: width }, 'Nothing matches.'));
}
