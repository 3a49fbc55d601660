// How the service and its servers are doing.

import { read } from './api.js';
import { facts, table, word } from './dom.js';
import { count, duration, time } from './format.js';
import { poll } from './poll.js';
import { ROUTES } from './routes.js';

const KINDS = { healthy: 'good', degraded: 'fair', unhealthy: 'bad' };

/** Shows it; answers what begins it anew. */
export function health(section) {
  const shown = section.querySelector('.shown');
  // Unhealthy is an error, with a body that says what is down. So is the answer of a proxy that reaches no
  // instance: that one names no servers.
  const ask = () => read(ROUTES.health, { accepts: (told) => told.services !== undefined });
  return poll(section, 5, ask, (report) => {
    document.title = `${report.status ?? 'unknown'} · Tollgate console`;
    shown.replaceChildren(...parts(report));
  });
}

function parts({ status, timestamp, services = {}, details = {} }) {
  const { stores = {}, queues = [] } = details;
  const servers = Object.entries(services).map(([name, state]) => {
    return [name, told(state), duration(stores[name]?.probe_us), connections(stores[name]?.pools)];
  });
  const waiting = queues.map(({ queue, messages, consumers }) => [queue, count(messages), count(consumers)]);
  const oldest_ms = details.outbox_oldest_ms;
  return [
    facts([
      ['Service', told(status)],
      ['Asked', time(timestamp)],
      ['Events that wait for the broker', count(details.outbox_rows)],
      ['The oldest of them has waited', typeof oldest_ms === 'number' ? duration(oldest_ms * 1_000) : null],
    ]),
    table('Servers', ['Server', 'State', 'Answers within#', 'Connections'], servers),
    table('Queues', ['Queue', 'Messages#', 'Consumers#'], waiting),
  ];
}

function told(state) {
  return word(state, KINDS[state]);
}

function connections(pools) {
  const each = Object.entries(pools ?? {}).map(([pool, { open, in_use, max }]) => {
    return `${pool}: ${in_use} in use, ${open} open, at most ${max}`;
  });
  return each.length > 0 ? each.join('; ') : null;
}
