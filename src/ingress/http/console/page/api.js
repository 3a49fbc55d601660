// Calls of the API with the operator's key, and what they failed of.

const ANSWER_WITHIN_MS = 15_000;

// The key lives here and nowhere else: nothing on the disk or in another tab has it, and a reload is its end.
let key = null;

/** From now on calls carry this key, until the service refuses it. */
export function use(given) {
  key = given;
}

/** Why there is nothing to show, for a person. */
export class Failure extends Error {
  constructor(detail, known = {}) {
    super(detail);
    /** The HTTP status; 0: nobody answered. */
    this.status = known.status ?? 0;
    /** The stable code of the problem. */
    this.code = known.code;
    /** What the service's log knows the request by. */
    this.request_id = known.request_id;
    /** When it may be asked again. */
    this.retry_after_s = known.retry_after_s ?? 0;
    /** It may have been done all the same. */
    this.is_unsure = false;
  }
}

/** The JSON of an answer. What `accepts` takes is an answer as well, though its status is an error. */
export async function read(route, { accepts = () => false, ...request } = {}) {
  const signal = AbortSignal.timeout(request.within_ms ?? ANSWER_WITHIN_MS);
  const response = await send(route, { ...request, signal });
  if (!response.ok) {
    const told = await problem(response);
    if (accepts(told)) {
      return told;
    }
    throw failure(response, told);
  }
  try {
    return await response.json();
  } catch {
    const detail = 'The answer broke off, or was not the service\'s own.';
    throw new Failure(detail, { status: response.status });
  }
}

/** The JSON of an answer to something that changes what is there. */
export async function act(route, request) {
  try {
    return await read(route, request);
  } catch (failed) {
    failed.is_unsure = failed.status < 400 || failed.status >= 500;
    throw failed;
  }
}

/** The response whose body is a stream; ends with the signal. */
export async function stream(route, request) {
  const response = await send(route, request);
  if (!response.ok) {
    throw failure(response, await problem(response));
  }
  return response;
}

async function send([method, path], { id = '', query = {}, headers = {}, body, signal } = {}) {
  const filled = Object.entries(query).filter(([, value]) => value !== null && value !== '');
  const search = filled.length > 0 ? `?${new URLSearchParams(filled)}` : '';
  const sent = { ...headers };
  const used = path.startsWith('/api/') ? key : undefined;
  if (used === null) {
    throw new Failure('The key was refused, and is forgotten: reload this page.', { status: 401 });
  }
  if (used !== undefined) {
    sent.Authorization = `Bearer ${used}`;
  }
  if (body !== undefined) {
    sent['Content-Type'] = 'application/json';
  }
  let response;
  try {
    response = await fetch(path.replace('{id}', encodeURIComponent(id)) + search, {
      method,
      headers: sent,
      body: body && JSON.stringify(body),
      signal,
      // Nothing that the browser adds by itself speaks for the operator: only the key does.
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
    });
  } catch (error) {
    const late = error.name === 'TimeoutError';
    throw new Failure(late ? 'No answer in time.' : 'No answer: the service can not be reached.');
  }
  if (response.status === 401 && used === key) {
    key = null; // sent again and again, it would lock out everybody at this address
  }
  return response;
}

/** What is told with an error; nothing where that is not JSON. */
async function problem(response) {
  return (await response.json().catch(() => null)) ?? {};
}

/** The problem that the service tells, or what can be said of an answer that is none of its own. */
function failure(response, told) {
  const foreign = 'The answer was not the service\'s own: something stands before it.';
  return new Failure(told.detail ?? foreign, {
    status: response.status,
    code: told.code,
    request_id: told.request_id ?? response.headers.get('x-request-id'),
    retry_after_s: Number(response.headers.get('retry-after')) || 0,
  });
}
