// The page as a whole: it asks for the key, and then for everything else.

import { read, use } from './api.js';
import { authorizations } from './authorizations.js';
import { feed } from './feed.js';
import { local, utc } from './format.js';
import { health } from './health.js';
import { letters } from './letters.js';
import { profile } from './profile.js';
import { tell } from './notice.js';
import { ROUTES } from './routes.js';

const place = (selector) => document.querySelector(selector);
const [access, key, panels, forget] = ['#access', '#key', '#panels', '#forget'].map(place);
const enters = access.querySelector('button');

/** Takes the key if the service knows it. A wrong one is tried once, so that nobody is locked out over it. */
async function enter() {
  const notice = access.querySelector('.notice');
  // Without its button the form is not sent, whatever key is pressed: what begins below begins once.
  enters.disabled = true;
  use(key.value);
  try {
    await read(ROUTES.profile);
  } catch (failed) {
    // Any other failure is of one panel, which tells it.
    if (failed.status === 401 || failed.status === 429) {
      tell(notice, failed);
      enters.disabled = false;
      key.focus();
      return;
    }
  }
  key.value = '';
  access.hidden = true;
  panels.hidden = false;
  forget.hidden = false;
  begin();
}

function begin() {
  const polls = [
    health(place('#health')),
    profile(place('#profile')),
    authorizations(place('#authorizations')),
    letters(place('#letters')),
  ];
  polls.forEach((again) => again());
  feed(place('#feed'));
  // What was not asked for while nobody looked is asked for now.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) {
      polls.forEach((again) => again());
    }
  });
}

function tick() {
  const now = new Date();
  place('#clock').textContent = `${utc(now)} · ${local(now)}`;
}

access.addEventListener('submit', (event) => {
  event.preventDefault();
  enter();
});
// Nothing of what was shown survives a reload.
forget.addEventListener('click', () => location.reload());
tick();
setInterval(tick, 1_000);
key.focus();
