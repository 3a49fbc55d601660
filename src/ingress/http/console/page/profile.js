// How long decisions take, stage by stage, how they end, and what is alarming about it.

import { read } from './api.js';
import { el, facts, table, word } from './dom.js';
import { count, duration, share, time } from './format.js';
import { poll } from './poll.js';
import { ROUTES } from './routes.js';

const ALERTS = {
  total: 'a decision took too long',
  stage: 'a stage took too long',
  card_testing: 'many declines at one merchant',
  clock_skew: "a server's clock differs",
};
const QUANTILES = ['p50#', 'p95#', 'p99#', 'p99.9#'];

/** Shows it; answers what begins it anew. */
export function profile(section) {
  const shown = section.querySelector('.shown');
  const minutes = section.querySelector('select');
  const rates = new Rates();
  const begin = poll(
    section,
    5,
    () => read(ROUTES.profile, { query: { minutes: minutes.value } }),
    (report) => shown.replaceChildren(...parts(report, rates.of(report))),
  );
  minutes.addEventListener('change', begin);
  return begin;
}

/** Counts a second, between two readings of the same process. */
class Rates {
  // Behind a balancer each reading may be another process's: they are told apart by when they began.
  #before = new Map();

  of({ started_at, at, since_start }) {
    const before = this.#before.get(started_at);
    this.#before.set(started_at, { at, since_start });
    const passed_s = before ? (new Date(at) - new Date(before.at)) / 1_000 : 0;
    return (counted) => {
      if (passed_s <= 0) {
        return null;
      }
      const more = (counted(since_start) ?? 0) - (counted(before.since_start) ?? 0);
      return (more / passed_s).toFixed(1);
    };
  }
}

function parts(report, rate) {
  const { recent, alerts = [], lanes = {} } = report;
  const stages = Object.entries(recent.stages).map(([name, stage]) => [
    name.replaceAll('_', ' '),
    rate((window) => window.stages[name]?.count),
    count(stage.count),
    duration(stage.average_us),
    ...[stage.p50_us, stage.p95_us, stage.p99_us, stage.p999_us].map(duration),
    duration(stage.max_us),
  ]);
  return [
    facts([
      ['Now', `${rate((window) => window.count) ?? '–'} a second`],
      ['Approved', `${share(recent.approval_rate) ?? '–'} of what was decided`],
      ['Decided', `${count(recent.approved)} approved, ${count(recent.declined)} declined`],
      ['Without a decision', word(count(recent.unavailable), recent.unavailable > 0 ? 'bad' : undefined)],
      ['Answered by the process that began', time(report.started_at)],
    ]),
    alarms(alerts),
    table('Stages', ['Stage', 'A second#', 'Count#', 'Average#', ...QUANTILES, 'Longest#'], stages),
    table('Declined, by reason', ['Reason', 'Count#'], counted(recent.reasons)),
    doors(recent.doors),
    table('Lanes, since the process began', ['What', 'Count#'], counted(lanes)),
  ];
}

function counted(figures) {
  const rows = Object.entries(figures ?? {}).sort(([, one], [, other]) => other - one);
  return rows.map(([name, number]) => [name, count(number)]);
}

function doors(figures) {
  const rows = Object.entries(figures ?? {}).map(([door, { count: all, approval_rate, stages }]) => {
    return [door, count(all), share(approval_rate), duration(stages.total?.p99_us)];
  });
  return table('Doors', ['Door', 'Requests#', 'Approved#', 'p99#'], rows);
}

function alarms(alerts) {
  const rows = alerts.map((alert) => [
    word(alert.active ? alert.level : 'over', alert.active ? kind(alert.level) : undefined),
    ALERTS[alert.kind] ?? alert.kind,
    alert.stage
      ? `${alert.stage.replaceAll('_', ' ')}: ${duration(alert.stage_us)} of ${duration(alert.total_us)}`
      : alert.about,
    count(alert.count),
    time(alert.last_at),
  ]);
  if (rows.length === 0) {
    return el('p', {}, 'No alert since the process began.');
  }
  return table('Alerts', ['Level', 'What', 'Latest', 'Cases#', 'At'], rows);
}

function kind(level) {
  return level === 'critical' ? 'bad' : 'fair';
}
