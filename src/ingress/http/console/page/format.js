// Amounts, times and figures as a person reads them.

import { decimals } from './currencies.js';
import { el } from './dom.js';

/** Minor units in major ones, by digits and not by division: `-1,234.50 EUR`. */
export function money(minor, currency) {
  if (minor === null || minor === undefined || !currency) {
    return null;
  }
  if (!Number.isSafeInteger(minor)) {
    // A number of JSON that a browser can not hold to the last digit.
    return `about ${minor} minor units of ${currency}`;
  }
  const places = decimals(currency);
  const digits = String(Math.abs(minor)).padStart(places + 1, '0');
  const whole = grouped(digits.slice(0, digits.length - places));
  const rest = places > 0 ? `.${digits.slice(-places)}` : '';
  return `${minor < 0 ? '-' : ''}${whole}${rest} ${currency}`;
}

/** Amount and currency as objects of the API have them. */
export function amount(holder) {
  return money(holder.amount, holder.currency);
}

/** A count with its thousands apart. */
export function count(number) {
  return number === null || number === undefined ? null : grouped(String(number));
}

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Microseconds, in what is easiest to read. */
export function duration(us) {
  if (us === null || us === undefined) {
    return null;
  }
  if (us < 1_000) {
    return `${Math.round(us)} µs`;
  }
  const [value, unit] = us < 1_000_000 ? [us / 1_000, 'ms'] : [us / 1_000_000, 's'];
  return `${value.toFixed(1)} ${unit}`;
}

/** A share between 0 and 1. */
export function share(rate) {
  return rate === null || rate === undefined ? null : `${(rate * 100).toFixed(1)} %`;
}

const LOCAL = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

/** A time of the API (RFC 3339, in UTC): there, and here. */
export function time(at) {
  const date = new Date(at ?? NaN);
  if (Number.isNaN(date.getTime())) {
    return at ?? null;
  }
  return el('time', { datetime: at }, el('span', {}, utc(date)), el('span', {}, LOCAL.format(date)));
}

/** A time in UTC, to the second. */
export function utc(date) {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A time where the operator is. */
export function local(date) {
  return LOCAL.format(date);
}
