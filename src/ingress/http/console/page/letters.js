// Messages that could not be worked: looked at, sent again, discarded.

import { act, read } from './api.js';
import { confirm, open } from './dialog.js';
import { button, el, facts, table } from './dom.js';
import { count, time } from './format.js';
import { filter, list } from './list.js';
import { tell } from './notice.js';
import { ROUTES } from './routes.js';

const COLUMNS = [
  ['Died', (item) => time(item.died_at)],
  ['Queue', (item) => item.queue],
  ['Reason', (item) => item.reason],
  ['Last error', (item) => item.last_error],
  ['Attempts#', (item) => count(item.attempts)],
  ['State', (item) => item.state],
];

// One call sends a hundred a second, a thousand at most, and answers when it has.
const MANY_WITHIN_MS = 60_000;
const MANY_MAX = 1_000;

const LATE = 'A request to decide is not judged any more, but answered as late.';
const ONE = 'Its effects are once, however often it is sent.';
const MANY = `They are sent to their queues again, a hundred a second, a thousand at most. ${LATE}`;
const NEVER = 'The letter is noted as one that need not be worked. It can be read, but not sent again.';

/** Shows them; answers what begins it anew. */
export function letters(section) {
  const begin = list(section, ROUTES.letters, 30, COLUMNS, (item) => show(item.id, begin));
  const all = section.querySelector('.redrive');
  all.addEventListener('click', async () => {
    const form = section.querySelector('form');
    if (form.reportValidity()) {
      form.elements.state.value = 'waiting'; // no other is sent
      form.requestSubmit(); // what is listed is what is asked about
      all.disabled = true;
      await redriveAll(section, filter(form));
      all.disabled = false;
      begin();
    }
  });
  return begin;
}

async function redriveAll(section, { state: _, older_than_s, ...filters }) {
  const [undone, done] = [section.querySelector('.undone'), section.querySelector('.done')];
  const body = older_than_s ? { ...filters, older_than_s: Number(older_than_s) } : filters;
  done.hidden = true;
  tell(undone, null);
  try {
    const { matched } = await read(ROUTES.redriveLetters, { body: { ...body, dry_run: true } });
    if (matched === 0) {
      say(done, 'No waiting letter matches.');
      return;
    }
    const which = Object.entries(body).map(([name, value]) => `${name} ${value}`).join(', ');
    const text = `${count(matched)} waiting letters match (${which || 'no filter'}). ${MANY}`;
    if ((await confirm('Redrive letters', text, 'Redrive', 'none')) !== null) {
      // Those that died meanwhile are newer: nobody was asked about them.
      const counted = { ...body, max: Math.min(matched, MANY_MAX) };
      const report = await act(ROUTES.redriveLetters, { body: counted, within_ms: MANY_WITHIN_MS });
      say(done, `Sent again: ${count(report.redriven)}. Failed, and as they were: ${count(report.failed)}.`);
    }
  } catch (failed) {
    tell(undone, failed);
  }
}

function say(place, text) {
  place.textContent = text;
  place.hidden = false;
}

async function show(id, changed) {
  const notice = el('p', { class: 'notice', role: 'alert', hidden: '' });
  const reading = el('p', {}, 'Reading…');
  const content = el('div', {}, reading);
  const dialog = open('Dead letter', [notice, content]);
  // What was done is seen in the list once nothing covers it.
  dialog.addEventListener('close', () => changed());
  async function fill(asked) {
    tell(notice, null);
    try {
      content.replaceChildren(...letter(await asked, acts));
    } catch (failed) {
      reading.remove(); // a letter that was read before stays
      tell(notice, failed);
    }
  }
  const acts = (told) => [
    button('Redrive…', () => redrive(told, fill)),
    button('Discard…', () => discard(told, fill)),
  ];
  await fill(read(ROUTES.letter, { id }));
}

async function redrive({ id, queue }, fill) {
  const text = `The letter is sent to ${queue} again. ${ONE} ${LATE}`;
  const reason = await confirm('Redrive this letter', text, 'Redrive', 'optional');
  if (reason !== null) {
    await fill(act(ROUTES.redriveLetter, { id, body: reason === '' ? {} : { reason } }));
  }
}

async function discard({ id }, fill) {
  const reason = await confirm('Discard this letter', NEVER, 'Discard', 'required');
  if (reason !== null) {
    await fill(act(ROUTES.discardLetter, { id, body: { reason } }));
  }
}

function letter(told, acts) {
  const history = (told.history ?? []).map((one) => [time(one.at), one.state, one.actor, one.reason]);
  const form = told.body === undefined ? ', in base64' : '';
  return [
    facts([
      ['Id', told.id],
      ['State', told.state],
      ['Queue', told.queue],
      ['Reason', told.reason],
      ['First error', told.first_error],
      ['Last error', told.last_error],
      ['Attempts', count(told.attempts)],
      ['Sent again before', count(told.redrives)],
      ['Message', told.message_id],
      ['Published', time(told.published_at)],
      ['Died', time(told.died_at)],
      ['Answer wanted at', told.reply_to],
    ]),
    el('div', { class: 'acts' }, ...(told.state === 'discarded' ? [] : acts(told))),
    table('Headers', ['Header', 'Value'], Object.entries(told.headers ?? {})),
    el('h3', {}, `Body (${told.content_type}, ${count(told.body_bytes)} bytes${form})`),
    el('pre', { tabindex: '0' }, told.body ?? told.body_base64),
    table('What was done about it', ['At', 'State', 'Who', 'Why'], history),
  ];
}
