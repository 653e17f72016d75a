// A call of the timeline as a command to paste.

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Members of an event that a command can't have, because they are hidden. */
const HIDDEN = '***';

/** The command, or undefined for what nobody can send: what WeChat signed, and what happened inside. */
export function curlOf(event, base = location.origin) {
  switch (event.kind) {
    case 'phone':
      return command({
        method: 'POST',
        url: `${base}/_wechat/wx/${event.api}`,
        body: { openid: event.openid, ...event.arguments },
      });
    case 'control':
      return command({ method: event.method, url: `${base}${controlPath(event.path)}`, body: event.body });
    case 'request':
      return requestCommand(event, base);
    default:
      return undefined;
  }
}

const controlPath = (path) => (path.startsWith('/_wechat') ? path : `/_wechat/${path.replace(/^\//, '')}`);

function requestCommand({ method, path, query, caller, requestHeaders = {}, requestBody }, base) {
  const url = `${base}${path}${query ? `?${query.replace(/^\?/, '')}` : ''}`;
  const headers = [];
  if (caller === 'user') headers.push('authorization: Bearer $token');
  const key = Object.entries(requestHeaders).find(([name]) => name.toLowerCase() === 'idempotency-key');
  if (key) headers.push(`idempotency-key: ${key[1]}`);
  return command({ method, url, body: requestBody, headers, isSigned: caller === 'operator' });
}

function command({ method, url, body, headers = [], isSigned = false }) {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const parts = ['curl -sS'];
  if (method !== 'GET' && !(method === 'POST' && text !== undefined)) parts.push(`-X ${method}`);
  if (isSigned) parts.push('--aws-sigv4 aws:amz:us-east-1:execute-api --user local:local');
  parts.push(quoted(url));
  // Double quotes, so that the shell puts the token in.
  for (const header of headers) parts.push(`-H ${header.includes('$token') ? `"${header}"` : quoted(header)}`);
  if (text !== undefined) parts.push("-H 'content-type: application/json'", `-d ${quoted(text)}`);
  const line = parts.join(' ');
  return text?.includes(HIDDEN) ? `${line}  # ${HIDDEN} is hidden: put the real value in` : line;
}

/** Puts a text on the clipboard, also where the browser keeps the newer way from a page that came over plain HTTP. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // The older way is left.
  }
  const field = document.createElement('textarea');
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
