// Asking again and again, while somebody looks.

import { AGAIN, tell } from './notice.js';

/**
 * Asks, shows the answer and waits, in turn. What fails is told in the section, and what was shown before
 * stays. While a dialog is open nothing moves beneath it, so that the focus finds its way back.
 */
export function poll(section, every_s, ask, show) {
  const notice = section.querySelector('.notice');
  let timer;
  let run = 0; // what is under way for an earlier one counts no more

  async function round(mine) {
    let wait_s = every_s;
    if (!document.hidden && !document.querySelector('dialog[open]')) {
      try {
        const answer = await ask();
        if (mine === run) {
          show(answer);
          tell(notice, null);
        }
      } catch (failed) {
        if (mine === run) {
          tell(notice, failed, failed.status === 401 ? '' : AGAIN);
          wait_s = Math.max(every_s, failed.retry_after_s ?? 0);
        }
      }
    }
    if (mine === run) {
      timer = setTimeout(round, wait_s * 1_000, mine);
    }
  }

  return function begin() {
    run += 1;
    clearTimeout(timer);
    return round(run);
  };
}
