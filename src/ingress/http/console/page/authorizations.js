// The latest decisions, and the explanation of each.

import { read } from './api.js';
import { open } from './dialog.js';
import { el, facts, table, word } from './dom.js';
import { amount, count, duration, money, time } from './format.js';
import { list } from './list.js';
import { tell } from './notice.js';
import { ROUTES } from './routes.js';

const COLUMNS = [
  ['At', (item) => time(item.created_at)],
  ['Decision', (item) => decision(item)],
  ['Amount#', (item) => amount(item)],
  ['Why', (item) => item.code],
  ['Card', (item) => el('span', { class: 'id' }, item.card)],
  ['Merchant', (item) => item.merchant?.name ?? item.merchant?.mid],
];

/** Shows them; answers what begins it anew. */
export function authorizations(section) {
  return list(section, ROUTES.authorizations, 10, COLUMNS, (item) => explain(item.id));
}

/** Opens the explanation of a decision. */
export async function explain(id) {
  const notice = el('p', { class: 'notice', role: 'alert', hidden: '' });
  const content = el('div', {}, 'Reading…');
  open('Authorization', [notice, content]);
  try {
    content.replaceChildren(...story(await read(ROUTES.authorization, { id })));
  } catch (failed) {
    content.replaceChildren();
    tell(notice, failed);
  }
}

function decision({ decision: made }) {
  return word(made, made === 'approved' ? 'good' : 'bad');
}

function story(told) {
  const { currency, merchant = {}, hold, stages = {}, totals, closings } = told;
  const in_all = Object.entries(totals ?? {}).map(([name, minor]) => [name, money(minor, currency)]);
  const ended = Object.entries(closings ?? {}).filter(([, is_so]) => is_so).map(([name]) => name);
  const names = [merchant.name, merchant.mid, merchant.mcc, merchant.country].filter(Boolean);
  return [
    facts([
      ['Id', told.id],
      ['Token', told.token],
      ['At', time(told.created_at)],
      ['Asked', `${told.operation ?? 'a faulty request'}, ${amount(told) ?? 'no readable amount'}`],
      ['Decision', decision(told)],
      ['Reason', told.reason && `${told.reason} (${told.code})`],
      ['Card', told.card],
      ['Account', told.account_id],
      ['Purchase', told.chain_id],
      ['Merchant', names.join(', ')],
      ['Entry mode, channel', [told.entry_mode, told.channel].filter(Boolean).join(', ')],
      ['Held now', hold && `${money(hold.amount, currency)}, ${hold.state}`],
      ['The hold ends', time(hold?.expires_at)],
      ['The purchase is', [told.state, ...ended].filter(Boolean).join(', ')],
      ['Checks and times', told.explanation],
    ]),
    table(
      'Checks, in their order; the first that refused gives the reason',
      ['Check', 'Result', 'Why', 'Asked#', 'Used before#', 'At most#', 'Limit or control'],
      told.checks.map((one) => check(one, currency)),
    ),
    table('Took', ['Stage', 'Time#'], Object.entries(stages).map(stage)),
    table('Totals of the purchase', ['Total', 'Amount#'], in_all),
    table('Postings', ['At', 'Cause', 'From', 'To', 'Amount#'], (told.postings ?? []).map(posting)),
    limits(told.limits, currency),
  ];
}

function check(one, currency) {
  const shown = one.check.endsWith('.count') ? count : (minor) => money(minor, currency);
  return [
    one.check,
    word(one.result, one.result === 'passed' ? 'good' : 'bad'),
    one.code,
    ...[one.asked, one.used, one.max].map(shown),
    one.limit_id ?? one.control_id,
  ];
}

function stage([name, us]) {
  return [name.replace(/_us$/, '').replaceAll('_', ' '), duration(us)];
}

function posting(one) {
  return [time(one.created_at), one.cause, one.debit, one.credit, amount(one)];
}

function limits(states, currency) {
  if (!states) {
    return el('p', {}, 'How its limits stand now can not be told at the moment.');
  }
  const rows = states.map(({ limit_id, window, amount: sum, count: uses, resets_at }) => [
    limit_id,
    window,
    sum && `${money(sum.left, currency)} of ${money(sum.max, currency)}`,
    uses && `${count(uses.left)} of ${count(uses.max)}`,
    time(resets_at),
  ]);
  return table('Its limits now', ['Limit', 'Window', 'Amount left#', 'Uses left#', 'Begins anew'], rows);
}
