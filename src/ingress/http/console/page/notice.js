// What failed, and what to do about it.

import { Failure } from './api.js';
import { el } from './dom.js';

/** What a failure is followed by where the page itself tries again. */
export const AGAIN = ' It is asked again by itself.';

/**
 * Says it in this place; `null`: nothing failed. What stands there already is not said again, though it is
 * of another request: who has it read aloud would hear it every few seconds.
 */
export function tell(place, failed, then = '') {
  const parts = failed ? described(failed) : [];
  const said = parts.map((part) => part.textContent ?? part).join('') + then;
  place.hidden = !failed;
  if ((place.dataset.said ?? '') !== said) {
    place.dataset.said = said;
    place.replaceChildren(...parts, ...(failed ? [...request(failed), then] : []));
  }
}

function described(failed) {
  if (!(failed instanceof Failure)) {
    return [`This page could not show what it was told (${failed}). Reload it, or report it.`];
  }
  const stop = /[.!?]$/.test(failed.message) ? '' : '.';
  const parts = [`${failed.message}${stop} ${cure(failed)}`];
  if (failed.is_unsure) {
    parts.push(' It is not known whether it was done: look before you try again.');
  }
  if (failed.status > 0) {
    parts.push(` Status ${failed.status}`);
  }
  if (failed.code) {
    const page = `/docs/errors/${encodeURIComponent(failed.code)}`;
    parts.push(', code ', el('a', { href: page, target: '_blank', rel: 'noopener' }, failed.code));
  }
  return parts;
}

function request({ status, request_id }) {
  const known = request_id ? [', request ', el('code', {}, request_id)] : [];
  return [...known, status > 0 ? '.' : ''];
}

function cure({ status, retry_after_s }) {
  switch (status) {
    case 0:
      return 'Does the service run, and does your network reach it?';
    case 401:
      return 'Enter a key that is valid.';
    case 403:
      return 'Use a key of the program with the scope operator.';
    case 404:
      return 'It is not there: it may have gone, or this service does not have it.';
    case 409:
      return 'Somebody was faster: read it again.';
    case 429:
      return `Too many requests: wait ${retry_after_s || 'a few'} seconds.`;
    default:
      return status >= 500 ? 'See Health for what is down.' : 'Change what you asked for.';
  }
}
