// The list of what happened: which groups are shown, its tools, and following the newest. Only the newest groups are in the document, so
// that thousands of events cost nothing.

import { copy } from './curl.js';
import { h, render } from './dom.js';
import { onLanguage, t } from './i18n.js';
import { icon } from './icons.js';
import { Timeline, listen } from './timeline.js';
import { drawGroup } from './timeline-entry.js';

/** How many groups are drawn at first, and how many more at a touch. */
const STEP = 150;

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
