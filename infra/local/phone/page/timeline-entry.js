// Draws an entry of the timeline: a group with its first event, and what happened within. What is folded is drawn when somebody opens it.

import { curlOf } from './curl.js';
import { h } from './dom.js';
import { clockTime, t } from './i18n.js';
import { icon } from './icons.js';

const KINDS = {
  phone: ['手机', 'Phone'],
  request: ['后端', 'Back end'],
  aws: ['AWS', 'AWS'],
  wechat: ['微信', 'WeChat'],
  notice: ['通知', 'Notice'],
  task: ['任务', 'Task'],
  event: ['事件', 'Event'],
  control: ['控制', 'Control'],
  together: ['后端', 'Back end'],
};
const kindText = (kind) => t(...(KINDS[kind] ?? [kind, kind]));

/** Draws the group into `element`, open if it was open. */
export function drawGroup(element, group, view) {
  const wasOpen = element.querySelector('details')?.open ?? false;
  const details = h('details', { class: `entry kind-${group.root?.kind ?? 'request'}` }, summary(group));
  let isDrawn = false;
  const fill = () => {
    isDrawn = true;
    details.append(body(group, view));
  };
  if (wasOpen) {
    details.open = true;
    fill();
  }
  details.addEventListener('toggle', () => {
    if (!details.open || isDrawn) return;
    fill();
    view.stay();
    details.scrollIntoView({ block: 'nearest' });
  });
  const hadFocus = element.contains(document.activeElement);
  element.replaceChildren(details);
  if (hadFocus) details.querySelector('summary').focus();
  return element;
}

function summary(group) {
  const { root } = group;
  return h(
    'summary',
    {},
    time(group.at),
    h('span', { class: 'entry-kind' }, kindText(root?.kind ?? 'request')),
    h('span', { class: 'entry-title' }, root ? title(root) : t('正在进行…', 'Going on…')),
    h('span', { class: 'entry-marks' }, root && marks(root)),
    chain(group),
  );
}

function time(at) {
  const text = clockTime(at, true);
  return h('span', { class: 'entry-time' }, text.slice(0, 8), h('span', { class: 'millis' }, text.slice(8)));
}

/** What happened within, in short: DynamoDB ×3 · WeChat /pay/unifiedorder. */
function chain(group) {
  const counts = new Map();
  const add = (kind, text, isBad) => {
    const known = counts.get(`${kind} ${text}`) ?? { kind, text, number: 0, isBad: false };
    counts.set(`${kind} ${text}`, { ...known, number: known.number + 1, isBad: known.isBad || isBad });
  };
  const walk = ({ children, groups }) => {
    for (const event of children) add(event.kind, event.kind === 'aws' ? serviceName(event.service) : title(event), isBad(event));
    for (const inner of groups) {
      if (inner.root) add(inner.root.kind, title(inner.root), isBad(inner.root));
      walk(inner);
    }
  };
  walk(group);
  if (counts.size === 0) return undefined;
  return h(
    'span',
    { class: 'entry-chain' },
    [...counts.values()].map(({ kind, text, number, isBad: bad }) =>
      h(
        'span',
        { class: `link-mark kind-${kind}${bad ? ' bad' : ''}` },
        kind === 'wechat' || kind === 'event' ? `${kindText(kind)} ` : '',
        text,
        number > 1 && ` ×${number}`,
      ),
    ),
  );
}

const SERVICES = { dynamodb: 'DynamoDB', events: 'EventBridge', secretsmanager: 'Secrets Manager', lambda: 'Lambda', s3: 'S3' };
const serviceName = (service) => SERVICES[service] ?? service;

function title(event) {
  switch (event.kind) {
    case 'phone':
      return `wx.${event.api}`;
    // Of an order's id the end is enough to tell it from others; the whole one stands in the entry.
    case 'request':
      return `${event.method} ${event.path.replace(/\/0[0-9A-HJKMNP-TV-Z]{19}(?=[0-9A-HJKMNP-TV-Z]{6})/g, '/…')}`;
    case 'aws':
      return `${serviceName(event.service)} ${event.operation}`;
    case 'wechat':
      return event.path;
    case 'notice':
      return `${t('微信', 'WeChat')} → ${event.path.replace(/^https?:\/\/[^/]+/, '').split('?')[0]}`;
    case 'task':
      return event.function;
    case 'event':
      return event.detailType;
    case 'together':
      return t(`${event.function}：几次调用同时进行`, `${event.function}: several calls at once`);
    case 'control':
      return `${event.method} ${event.path.replace(/^\/_wechat/, '')}`;
    default:
      return event.kind;
  }
}

/** A condition of a write that did not hold tells a function what is there: that is no failure. */
const CONDITIONS = ['ConditionalCheckFailedException', 'TransactionCanceledException'];

function isBad({ kind, fault, error, status, outcome }) {
  return Boolean(fault || error || status >= 400 || (kind === 'aws' && outcome !== 'ok' && !CONDITIONS.includes(outcome)));
}

/** Status, code, duration and the like, as small marks. */
function marks(event) {
  const { kind, status, code, outcome, fault, error, caller, durationMs, records, trigger, items, tables } = event;
  const failed = error?.errMsg ?? (typeof error === 'string' ? error : error && JSON.stringify(error));
  return [
    fault && h('span', { class: 'mark fault' }, typeof fault === 'string' ? fault : JSON.stringify(fault)),
    caller === 'operator' && h('span', { class: 'mark' }, t('运营者', 'operator')),
    trigger &&
      h(
        'span',
        { class: 'mark' },
        { schedule: t('定时', 'schedule'), stream: t('流', 'stream'), invoke: t('调用', 'invoked'), page: t('手动', 'by hand') }[
          trigger
        ] ?? trigger,
      ),
    records !== undefined && h('span', { class: 'mark' }, t(`${records} 条`, `${records} records`)),
    tables?.length > 0 && h('span', { class: 'mark' }, tables.join(', ')),
    items !== undefined && h('span', { class: 'mark' }, t(`${items} 项`, `${items} items`)),
    status !== undefined && h('span', { class: `mark ${status < 400 ? 'good' : 'bad'}` }, status),
    code && h('span', { class: 'mark bad' }, code),
    outcome &&
      outcome !== 'ok' &&
      outcome !== 'acknowledged' &&
      h('span', { class: `mark ${CONDITIONS.includes(outcome) ? '' : 'bad'}` }, outcome),
    failed && h('span', { class: 'mark bad' }, failed.length > 60 ? `${failed.slice(0, 60)}…` : failed),
    kind === 'phone' && !error && h('span', { class: 'mark good' }, 'ok'),
    durationMs !== undefined &&
      h('span', { class: 'mark time' }, durationMs < 10 ? `${durationMs.toFixed(1)} ms` : `${Math.round(durationMs)} ms`),
  ];
}

/** The members that are shown as text or JSON when an entry is open, with their names. */
const CONTENTS = [
  ['arguments', '参数', 'Arguments'],
  ['query', '查询', 'Query'],
  ['requestBody', '请求', 'Request'],
  ['request', '请求', 'Request'],
  ['body', '请求', 'Request'],
  ['responseBody', '应答', 'Answer'],
  ['answer', '应答', 'Answer'],
  ['result', '结果', 'Result'],
  ['detail', '内容', 'Content'],
  ['report', '报告', 'Report'],
  ['error', '错误', 'Error'],
  ['requestHeaders', '请求头', 'Headers'],
];

/** Headers that every browser sends with every request. */
const NOISE =
  /^(accept|accept-encoding|accept-language|connection|content-length|host|origin|priority|referer|user-agent|sec-.*)$/;
const headersThatMatter = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => !NOISE.test(name)));

const LONGEST = 20_000;

function body(group, view) {
  return h(
    'div',
    { class: 'entry-body' },
    group.root && facts(group.root, view),
    group.children.map((event) => inner(event, view)),
    group.groups.map((nested) => drawGroup(h('div', { class: 'group nested' }), nested, view)),
  );
}

/** A call that a function made, folded. */
function inner(event, view) {
  const details = h(
    'details',
    { class: `entry inner kind-${event.kind}` },
    h(
      'summary',
      {},
      time(event.at),
      h('span', { class: 'entry-kind' }, kindText(event.kind)),
      h('span', { class: 'entry-title' }, title(event)),
      h('span', { class: 'entry-marks' }, marks(event)),
    ),
  );
  details.addEventListener('toggle', () => details.append(facts(event, view)), { once: true });
  return details;
}

function facts(event, view) {
  const order = view.timeline.orderOf(event);
  const curl = curlOf(event);
  return h(
    'div',
    { class: 'facts' },
    h(
      'p',
      { class: 'facts-line' },
      event.function && h('span', {}, t('函数', 'Function'), ' ', h('code', {}, event.function)),
      event.requestId && h('span', {}, t('请求号', 'Request id'), ' ', h('code', {}, event.requestId)),
      event.trigger && h('span', {}, t('触发', 'Trigger'), ' ', h('code', {}, event.trigger)),
    ),
    CONTENTS.filter(([name]) => event[name] !== undefined).map(([name, chinese, english]) =>
      h(
        'figure',
        {},
        h('figcaption', {}, t(chinese, english)),
        h('pre', { tabindex: '0' }, shown(name === 'requestHeaders' ? headersThatMatter(event[name]) : event[name])),
      ),
    ),
    h(
      'p',
      { class: 'facts-actions' },
      curl &&
        h(
          'button',
          { type: 'button', class: 'quiet', onclick: () => view.copy(curl) },
          icon('copy'),
          t('复制为 curl', 'Copy as curl'),
        ),
      order &&
        h(
          'button',
          { type: 'button', class: 'quiet', onclick: () => view.filterBy({ order }) },
          icon('orders'),
          t('只看这个订单', 'Only this order'),
        ),
    ),
  );
}

function shown(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${t('太长，其余略去', 'too long, the rest is left out')}` : text;
}
