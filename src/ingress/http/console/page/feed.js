// The live feed: events as they happen, taken up where it broke off.

import { Failure, stream } from './api.js';
import { explain } from './authorizations.js';
import { button, el } from './dom.js';
import { amount, time } from './format.js';
import { AGAIN, tell } from './notice.js';
import { ROUTES } from './routes.js';
import { Reader } from './sse.js';

const SHOWN_MAX = 200;
const SHOW_EVERY_MS = 500;
// A heartbeat comes every 15 s: after three of them the connection is gone, whatever the network says.
const SILENCE_MAX_MS = 45_000;
const PAUSE_MAX_S = 30;
// A service without a feed may be replaced by one with it.
const ABSENT_PAUSE_S = 60;

/** Follows the feed for ever; answers at once. */
export function feed(section) {
  const [notice, state] = [section.querySelector('.notice'), section.querySelector('.state')];
  const shelf = new Shelf(section.querySelector('.events'), section.querySelector('.hold'), state);
  setInterval(() => shelf.show(), SHOW_EVERY_MS);
  follow(shelf, notice);
}

async function follow(shelf, notice) {
  let pause_s = 1;
  let last_id = null;
  function hear(event) {
    pause_s = 1;
    last_id = event.id ?? last_id;
    if (event.data !== '' || event.type === 'gap') {
      shelf.put(event);
    }
  }
  for (;;) {
    try {
      await listen(last_id, hear, () => {
        tell(notice, null);
        shelf.say('Live.');
      });
      shelf.say('The feed has ended; it is taken up again.');
    } catch (failed) {
      shelf.say('No live feed at the moment.');
      const is_refused = failed.status === 401 || failed.status === 403;
      tell(notice, failed, is_refused ? '' : AGAIN);
      if (is_refused) {
        return; // this key will never read it
      }
      pause_s = failed.status === 404 ? ABSENT_PAUSE_S : Math.max(pause_s, failed.retry_after_s ?? 0);
    }
    // Not all pages at once, when a service has come back.
    await new Promise((resolve) => setTimeout(resolve, pause_s * 1_000 * (1 + Math.random() / 2)));
    pause_s = Math.min(pause_s * 2, PAUSE_MAX_S);
  }
}

async function listen(last_id, hear, opened) {
  const stop = new AbortController();
  let silence;
  function wait() {
    clearTimeout(silence);
    silence = setTimeout(() => stop.abort(), SILENCE_MAX_MS);
  }
  wait();
  try {
    const headers = { Accept: 'text/event-stream', ...(last_id && { 'Last-Event-ID': last_id }) };
    const response = await stream(ROUTES.events, { headers, signal: stop.signal });
    opened();
    const bytes = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const reader = new Reader();
    for (;;) {
      const { done, value } = await bytes.read();
      if (done) {
        return;
      }
      wait();
      reader.take(value).forEach(hear);
    }
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('The feed broke off.');
  } finally {
    clearTimeout(silence);
    stop.abort();
  }
}

/** The latest events. Of very many in half a second it shows the last, and counts the others. */
class Shelf {
  #waiting = [];
  #seen = new Set();
  #passed = 0;
  #said = '';

  constructor(events, hold, state) {
    this.events = events;
    this.hold = hold;
    this.state = state;
  }

  say(text) {
    this.#said = text;
  }

  put(event) {
    // Events are told at least once.
    if (event.type !== 'gap' && this.#seen.has(event.id)) {
      return;
    }
    if (event.id !== undefined) {
      this.#seen.add(event.id);
    }
    this.#waiting.push(event);
    if (this.#waiting.length > SHOWN_MAX) {
      this.#waiting.shift();
      this.#passed += 1;
    }
    if (this.#seen.size > 4 * SHOWN_MAX) {
      this.#seen = new Set([...this.#seen].slice(-SHOWN_MAX));
    }
  }

  show() {
    const passed = this.#passed > 0 ? ` ${this.#passed} were too many to be shown.` : '';
    const held = this.hold.checked ? ` Held still; ${this.#waiting.length} wait.` : '';
    const text = this.#said + passed + held;
    if (this.state.textContent !== text) {
      this.state.textContent = text;
    }
    if (!this.hold.checked && this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = []; // what can not be shown is not tried again
      this.events.prepend(...waiting.reverse().map(line));
      while (this.events.childElementCount > SHOWN_MAX) {
        this.events.lastElementChild.remove();
      }
    }
  }
}

const GAP = 'Events are missing here: they are no longer kept. See the latest authorizations.';

function line({ type, data }) {
  if (type === 'gap') {
    return el('li', { class: 'fair' }, GAP);
  }
  try {
    return story(type, JSON.parse(data));
  } catch {
    return el('li', { class: 'bad' }, `An event of the type ${type} could not be read.`);
  }
}

function story(type, told) {
  const { at } = told;
  const payload = told.payload ?? {};
  const about = [
    payload.amount?.currency && amount(payload.amount),
    payload.refusal?.reason,
    payload.level,
    payload.card ?? payload.account,
  ];
  const whole = el('details', {}, el('summary', {}, about.filter(Boolean).join(' · ') || told.key));
  const open = () => whole.append(el('pre', {}, JSON.stringify(told, null, 2)));
  whole.addEventListener('toggle', open, { once: true });
  const name = type.startsWith('alert.') || type.endsWith('.error') ? 'fair' : undefined;
  const decided = typeof payload.authorization === 'string' && payload.authorization;
  const title = decided ? button(type, () => explain(decided), 'link') : type;
  return el('li', {}, time(at) ?? '', el('span', { class: name }, title), whole);
}
