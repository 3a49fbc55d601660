// What is shown above the page. The browser keeps the focus inside, and Escape closes it.

import { button, el } from './dom.js';

/** Opens a dialog; it is gone once it is closed. */
export function open(title, content, closing = 'Close') {
  const close = button(closing, () => dialog.close());
  close.autofocus = true; // whoever presses Enter by mistake does nothing
  const top = el('div', { class: 'top' }, el('h2', {}, title), close);
  const dialog = el('dialog', { 'aria-label': title }, top, ...content);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something is done. Resolves to `null` where the answer is no, else to the reason that
 * was given. `reason`: `none`, `optional` or `required`.
 */
export function confirm(title, text, verb, reason) {
  return new Promise((resolve) => {
    let answer = null;
    const why = el('input', { maxlength: '255', autocomplete: 'off', title: 'a few words' });
    if (reason === 'required') {
      why.required = true;
      why.pattern = '.*\\S.*';
    }
    const label = `Reason, for the record${reason === 'required' ? '' : ' (may be empty)'}`;
    const asked = reason === 'none' ? [] : [el('label', {}, label, ' ', why)];
    function agree(event) {
      event.preventDefault();
      answer = why.value.trim();
      dialog.close();
    }
    const acts = el('p', { class: 'acts' }, ...asked, el('button', {}, verb));
    const dialog = open(title, [el('form', { onsubmit: agree }, el('p', {}, text), acts)], 'Cancel');
    dialog.addEventListener('close', () => resolve(answer));
  });
}
