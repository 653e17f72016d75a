// Draws what happened. Only the newest groups are in the document, and what is folded is drawn when somebody opens it, so that
// thousands of events cost nothing.

import { copy, curlOf } from './curl.js';
import { h, render } from './dom.js';
import { clockTime, onLanguage, t } from './i18n.js';
import { icon } from './icons.js';
import { Timeline, listen } from './timeline.js';

/** How many groups are drawn at first, and how many more at a touch. */
const STEP = 150;

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

export class TimelineView {
  timeline = new Timeline();
  #filter = { order: '', openid: '', hideControls: true };
  #limit = STEP;
  #isPaused = false;
  #waiting = [];
  #unseen = 0;
  #drawn = new Map();
  #changed = new Set();
  #isPlanned = false;
  #state = 'closed';
  #isFollowing = true;
  #listeners = new Set();

  constructor({ people }) {
    this.people = people;
    this.tools = h('div', { class: 'timeline-tools' });
    this.list = h('ol', { class: 'timeline' });
    this.earlier = h('div', { class: 'timeline-earlier' });
    this.scroller = h('div', { class: 'timeline-scroll', tabindex: '0', role: 'region' }, this.earlier, this.list);
    this.scroller.addEventListener(
      'scroll',
      () => {
        this.#isFollowing = this.isAtEnd();
        if (this.#isFollowing && this.#unseen > 0) this.#setUnseen(0);
      },
      { passive: true },
    );
    // Whoever looks at the newest entry goes on seeing it, however the room changes.
    const follow = new ResizeObserver(() => {
      if (this.#isFollowing) this.toEnd();
    });
    follow.observe(this.scroller);
    follow.observe(this.list);
    this.jump = h('div', { class: 'timeline-jump', 'aria-live': 'polite' });
    this.copied = h('div', { class: 'timeline-copied', role: 'status' });
    this.element = h('section', { class: 'panel happened', id: 'happened' }, this.tools, this.scroller, this.jump, this.copied);
    onLanguage(() => this.redraw());
    this.redraw();
  }

  /** Reads events from now on. `onRestart` is called when the program was started again. */
  start(onRestart) {
    listen({
      onState: (state) => {
        if (state === 'restarted') {
          this.clear();
          onRestart();
        }
        if (this.#state === state) return;
        this.#state = state;
        this.drawTools();
        if (this.timeline.groups.length === 0) this.redraw();
      },
      onEvent: (event) => {
        if (this.#isPaused) this.#waiting.push(event);
        else this.add(event);
      },
    });
  }

  /** Calls `listener` with every event. */
  onEvent(listener) {
    this.#listeners.add(listener);
  }

  add(event) {
    const group = this.timeline.add(event);
    this.#changed.add(group);
    if (!this.#isPlanned) {
      this.#isPlanned = true;
      requestAnimationFrame(() => this.#flush());
    }
    for (const listener of this.#listeners) listener(event);
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < 60;
  }

  /** Copies a command, and says so. */
  async copy(text) {
    await copy(text);
    render(this.copied, h('span', {}, t('已复制', 'Copied')));
    clearTimeout(this.copiedEnds);
    this.copiedEnds = setTimeout(() => render(this.copied), 2000);
  }

  /** Stops following: somebody reads an entry. */
  stay() {
    this.#isFollowing = false;
  }

  toEnd() {
    this.#isFollowing = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#setUnseen(0);
  }

  /** Shows only what is about this order ('' for everything). */
  filterBy(changes) {
    Object.assign(this.#filter, changes);
    this.#limit = STEP;
    this.redraw();
    this.toEnd();
  }

  /** Opens the group of a request, and leads there; as soon as it is told, because an answer can be faster than the timeline. */
  reveal(requestId) {
    const group = this.timeline.find(requestId);
    if (group?.root && !this.#isShown(group)) this.filterBy({ order: '', openid: '' });
    const details = group?.root && this.#drawn.get(group)?.querySelector('details');
    this.#wanted = details ? undefined : requestId;
    if (!details) return;
    details.open = true;
    this.stay();
    details.scrollIntoView({ block: 'center' });
    details.querySelector('summary').focus();
  }

  #wanted;

  #isShown(group) {
    if (this.#filter.hideControls && !this.#filter.order && isPlumbing(group)) return false;
    return this.timeline.matches(group, this.#filter);
  }

  #flush() {
    this.#isPlanned = false;
    const orders = this.#orderCount;
    let added = 0;
    for (const group of this.#changed) {
      const element = this.#drawn.get(group);
      if (!this.#isShown(group)) element?.remove();
      else if (element) drawGroup(element, group, this);
      else added += 1;
    }
    this.#changed.clear();
    if (added > 0 || this.timeline.orders().length !== orders) {
      this.#arrange();
      this.drawTools();
    }
    if (this.#isFollowing) this.toEnd();
    else if (added > 0) this.#setUnseen(this.#unseen + added);
    if (this.#wanted) this.reveal(this.#wanted);
  }

  /** Puts the elements of the newest groups into the list, and removes the others. */
  #arrange() {
    const shown = this.timeline.groups.filter((group) => this.#isShown(group));
    const wanted = shown.slice(-this.#limit);
    const elements = new Map(
      wanted.map((group) => [group, this.#drawn.get(group) ?? drawGroup(h('li', { class: 'group' }), group, this)]),
    );
    for (const [group, element] of this.#drawn) if (!elements.has(group)) element.remove();
    let place = this.list.firstChild;
    for (const element of elements.values()) {
      if (element === place) place = place.nextSibling;
      else this.list.insertBefore(element, place);
    }
    this.#drawn = elements;
    const hidden = shown.length - wanted.length;
    render(
      this.earlier,
      hidden > 0 &&
        h(
          'button',
          {
            type: 'button',
            class: 'quiet',
            onclick: () => {
              this.#limit += STEP;
              this.#arrange();
            },
          },
          t(`更早的 ${hidden} 条`, `${hidden} earlier ones`),
        ),
      wanted.length === 0 && this.#emptyText(),
    );
  }

  #emptyText() {
    if (this.#state === 'missing')
      return h('p', { class: 'timeline-empty' }, t('这个程序没有时间线。', 'This program has no timeline.'));
    return h(
      'p',
      { class: 'timeline-empty' },
      t('还没有发生什么。在手机上买点东西吧。', 'Nothing has happened yet. Buy something on the phone.'),
    );
  }

  redraw() {
    for (const element of this.#drawn.values()) element.remove();
    this.#drawn = new Map();
    this.scroller.setAttribute('aria-label', t('发生了什么', 'What happened'));
    this.#arrange();
    this.drawTools();
  }

  #orderCount = 0;

  drawTools() {
    const orders = this.timeline.orders();
    this.#orderCount = orders.length;
    const { order, openid, hideControls } = this.#filter;
    const people = this.people();
    const states = { open: t('实时', 'Live'), missing: t('没有时间线', 'No timeline') };
    render(
      this.tools,
      h('h2', {}, t('发生了什么', 'What happened')),
      h(
        'span',
        { class: `live live-${this.#isPaused ? 'paused' : this.#state}`, role: 'status' },
        this.#isPaused ? t(`已暂停`, 'Paused') : (states[this.#state] ?? t('正在连接…', 'Connecting…')),
      ),
      h(
        'select',
        {
          'aria-label': t('只看这个订单', 'Only this order'),
          value: order,
          onchange: ({ target }) => this.filterBy({ order: target.value }),
        },
        h('option', { value: '' }, t('所有订单', 'All orders')),
        [...new Set([...orders.slice(0, 30), ...(order ? [order] : [])])].map((id) =>
          h('option', { value: id, selected: id === order }, `…${id.slice(-6)}`),
        ),
      ),
      people.length > 1 &&
        h(
          'select',
          {
            'aria-label': t('只看这个用户', 'Only this user'),
            value: openid,
            onchange: ({ target }) => this.filterBy({ openid: target.value }),
          },
          h('option', { value: '' }, t('所有用户', 'All users')),
          people.map((one) => h('option', { value: one.openid, selected: one.openid === openid }, one.nickName)),
        ),
      h(
        'label',
        { class: 'tick' },
        h('input', { type: 'checkbox', checked: !hideControls, onchange: () => this.filterBy({ hideControls: !hideControls }) }),
        t('后台任务', 'Background'),
      ),
      h('span', { class: 'spread' }),
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-pressed': String(this.#isPaused), onclick: () => this.pause() },
        icon(this.#isPaused ? 'play' : 'pause'),
        h('span', {}, this.#isPaused ? t('继续', 'Go on') : t('暂停', 'Pause')),
      ),
      h(
        'button',
        { type: 'button', class: 'quiet', onclick: () => this.clear() },
        icon('clear'),
        h('span', {}, t('清空', 'Clear')),
      ),
    );
  }

  pause() {
    this.#isPaused = !this.#isPaused;
    if (!this.#isPaused) for (const event of this.#waiting.splice(0)) this.add(event);
    this.drawTools();
  }

  clear() {
    this.timeline.clear();
    this.#filter.order = '';
    this.redraw();
  }

  #setUnseen(count) {
    this.#unseen = count;
    render(
      this.jump,
      count > 0 &&
        h('button', { type: 'button', onclick: () => this.toEnd() }, icon('down'), t(`${count} 条新的`, `${count} new`)),
    );
  }
}

/** What runs by itself and did nothing, and what only looks: hidden unless somebody wants to see it. */
function isPlumbing({ root, children, groups }) {
  if (!root) return false;
  // An operator's call stands in the timeline as the request that it became.
  if (root.kind === 'control') return root.path.endsWith('/operator');
  if (root.kind === 'request') return root.caller === 'operator' && root.method === 'GET';
  return (
    root.kind === 'task' &&
    root.trigger === 'schedule' &&
    !root.error &&
    groups.length === 0 &&
    !children.some(({ kind }) => kind === 'wechat')
  );
}

function drawGroup(element, group, view) {
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
