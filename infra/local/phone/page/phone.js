// One phone: a user, the mini program that is open on it, and what WeChat draws around: status bar, capsule, toasts, messages.

import { ApiError, createApi } from './api.js';
import * as clock from './clock.js';
import { pickGroup, shareSheet } from './dialogs.js';
import { h, render } from './dom.js';
import { clockTime, onLanguage, t } from './i18n.js';
import { icon } from './icons.js';
import { pages, tabs, templates } from './pages.js';
import { control, createWx } from './wx.js';

const NICKNAMES = ['小明', '小红', '小刚'];
const COLOURS = ['#3d7bd9', '#d9703d', '#7a5bd0'];

/** Phones by the chat that a card was sent to: who is in it sees the card. */
const neighbours = new Set();

export class Phone {
  constructor(number, { onFocus, onRequestId }) {
    Object.assign(this, { number, id: `phone-${number}`, onFocus, onRequestId, isOffline: false, stack: [], user: undefined });
    this.wx = createWx(this);
    this.api = createApi(this.wx, location.origin);

    this.bar = h('div', { class: 'status-bar' });
    this.navigation = h('header', { class: 'navigation' });
    this.view = h('div', { class: 'page', tabindex: '-1' });
    this.tabBar = h('nav', { class: 'tab-bar' });
    this.problem = h('div', { class: 'problem-place', role: 'alert' });
    this.screen = h('div', { class: 'screen-content' }, this.navigation, this.problem, this.view, this.tabBar);
    this.toast = h('div', { class: 'toast-place', role: 'status', 'aria-live': 'polite' });
    this.message = h('div', { class: 'message-place', role: 'status', 'aria-live': 'polite' });
    this.glass = h('div', { class: 'screen' }, this.bar, this.screen, this.message, this.toast);
    this.element = h('section', { class: 'phone', 'data-phone': String(number) }, this.glass);
    this.element.addEventListener('focusin', () => onFocus(this));
    this.element.addEventListener('pointerdown', () => onFocus(this));
    onLanguage(() => this.draw());
    clock.onTick(() => this.drawBar());
    neighbours.add(this);
  }

  /** Makes the user whom this phone belongs to, or finds the one of before, and opens the mini program. */
  async start() {
    const known = this.wx.getStorageSync('user') || { nickName: NICKNAMES[this.number] ?? `用户${this.number + 1}` };
    this.draw();
    try {
      this.user = await control('users', { openid: known.openid, nickName: known.nickName });
      this.wx.setStorageSync('user', this.user);
      await this.api.login();
    } catch (error) {
      this.showError(error);
    }
    this.switchTab('/pages/shop/shop');
  }

  /** Takes the phone away. Its user stays in the simulated WeChat. */
  end() {
    neighbours.delete(this);
    this.element.remove();
  }

  // The stack of pages, as WeChat keeps it.

  get page() {
    return this.stack.at(-1);
  }

  navigateTo(url) {
    const [, name, query] = /^\/pages\/([^/]+)\/[^?]*\??(.*)$/.exec(url) ?? [];
    if (!pages[name]) throw { errMsg: `navigateTo:fail page "${url}" is not found` };
    const page = pages[name](this);
    Object.assign(page, { name, element: h('div', { class: `page-body page-${name}` }) });
    this.stack.push(page);
    this.show();
    page.load(async () => {
      await page.onLoad?.(Object.fromEntries(new URLSearchParams(query)));
      await page.onShow?.();
    });
  }

  redirectTo(url) {
    this.leave();
    this.navigateTo(url);
  }

  switchTab(url) {
    while (this.stack.length > 0) this.leave();
    this.navigateTo(url);
  }

  navigateBack() {
    if (this.stack.length < 2) return;
    this.leave();
    this.show();
    const { page } = this;
    page.load(async () => page.onShow?.());
  }

  leave() {
    const page = this.stack.pop();
    page.onUnload?.();
    page.element = undefined;
  }

  /** Puts the page on top of the stack onto the screen. */
  show() {
    this.hideProblem();
    this.view.replaceChildren(this.page.element);
    this.view.scrollTop = 0;
    this.draw();
    // Whoever goes by keyboard goes on in the new page.
    if (this.element.contains(document.activeElement) || document.activeElement === document.body) {
      if (this.hasBeenTouched) this.view.focus({ preventScroll: true });
    }
    this.hasBeenTouched ||= this.element.contains(document.activeElement);
  }

  draw() {
    this.element.setAttribute('aria-label', t(`${this.user?.nickName ?? ''}的手机`, `Phone of ${this.user?.nickName ?? ''}`));
    this.drawBar();
    this.drawNavigation();
    this.drawTabs();
    this.page?.draw();
    if (this.error) this.showError(this.error);
  }

  drawBar() {
    const text = this.isOffline ? t('离线', 'Offline') : '5G';
    const label = this.isOffline ? t('离线：打开网络', 'Offline: go online') : t('5G：断开网络', '5G: go offline');
    render(
      this.bar,
      h('span', { class: 'bar-time' }, clockTime(clock.now()).slice(0, 5)),
      h('span', { class: 'bar-user' }, this.user?.nickName ?? ''),
      h(
        'button',
        {
          type: 'button',
          class: 'bar-network',
          'aria-label': label,
          title: label,
          'aria-pressed': String(this.isOffline),
          onclick: () => this.setOffline(!this.isOffline),
        },
        this.isOffline ? icon('plane') : icon('signal'),
        h('span', {}, text),
      ),
    );
  }

  drawNavigation() {
    const label = (text) => ({ 'aria-label': text, title: text });
    render(
      this.navigation,
      this.stack.length > 1 &&
        h(
          'button',
          { type: 'button', class: 'go-back', ...label(t('返回', 'Back')), onclick: () => this.navigateBack() },
          icon('back'),
        ),
      h('h1', {}, this.page?.title() ?? ''),
      h(
        'div',
        { class: 'capsule' },
        h(
          'button',
          { type: 'button', ...label(t('更多：分享', 'More: share')), onclick: () => this.page?.run(() => this.share()) },
          icon('more'),
        ),
        h(
          'button',
          {
            type: 'button',
            ...label(t('关闭并重新打开小程序', 'Close and open the mini program again')),
            onclick: () => this.start(),
          },
          icon('target'),
        ),
      ),
    );
  }

  drawTabs() {
    const isTab = this.stack.length <= 1;
    this.tabBar.hidden = !isTab;
    this.tabBar.setAttribute('aria-label', t('标签栏', 'Tabs'));
    render(
      this.tabBar,
      tabs().map(({ name, text, mark }) =>
        h(
          'button',
          {
            type: 'button',
            'aria-current': this.page?.name === name ? 'page' : undefined,
            onclick: () => this.switchTab(`/pages/${name}/${name}`),
          },
          icon(mark),
          h('span', {}, text),
        ),
      ),
    );
  }

  setOffline(isOffline) {
    this.isOffline = isOffline;
    this.draw();
  }

  // Dialogs, toasts and errors.

  dialogOpened(layer) {
    this.screen.inert = true;
    this.glass.append(layer);
  }

  dialogClosed() {
    this.screen.inert = this.glass.querySelector('.dialog-layer') !== null;
  }

  showToast({ title, icon: kind = 'success', duration = 1800 }) {
    clearTimeout(this.toastEnds);
    render(
      this.toast,
      h(
        'div',
        { class: `toast toast-${kind}` },
        kind === 'success' && icon('check'),
        kind === 'loading' && h('i', { class: 'spinner' }),
        h('span', {}, title),
      ),
    );
    this.toastEnds = setTimeout(() => this.hideToast(), duration);
  }

  hideToast() {
    render(this.toast);
  }

  /** Shows what the back end or WeChat said, until the user goes on. What the user entered stays as it is. */
  showError(error) {
    if (!(error instanceof ApiError) && error.errMsg === undefined && error.status === undefined) {
      // A mistake of this page itself: the tests look for these.
      console.error(error);
    }
    if (/:fail (cancel|user cancel|auth deny)/.test(error.errMsg ?? '')) {
      this.showToast({ title: /deny/.test(error.errMsg) ? t('未授权', 'Not allowed') : t('已取消', 'Cancelled'), icon: 'none' });
      return;
    }
    this.error = error;
    const { code = error.errCode, requestId, retryAfter } = error;
    const wait = retryAfter && t(`${retryAfter} 秒后再试`, `try again in ${retryAfter} s`);
    render(
      this.problem,
      h(
        'div',
        { class: 'problem' },
        h('p', {}, error.errMsg ?? error.message, wait && `（${wait}）`),
        h(
          'p',
          { class: 'problem-facts' },
          h('code', {}, code),
          requestId &&
            h(
              'button',
              { type: 'button', class: 'link', onclick: () => this.onRequestId(requestId) },
              t('看经过', 'See what happened'),
            ),
        ),
        h(
          'button',
          { type: 'button', class: 'problem-close', 'aria-label': t('知道了', 'Dismiss'), onclick: () => this.hideProblem() },
          icon('close'),
        ),
      ),
    );
  }

  hideProblem() {
    this.error = undefined;
    render(this.problem);
  }

  /** A banner from the top of the screen: WeChat's own messages, or a card that somebody sent. */
  notify({ from, text, open }) {
    clearTimeout(this.messageEnds);
    const end = () => render(this.message);
    render(
      this.message,
      h(
        'button',
        {
          type: 'button',
          class: 'message',
          onclick: () => {
            end();
            open?.();
          },
        },
        icon('chat'),
        h('span', {}, h('strong', {}, from), text),
      ),
    );
    this.messageEnds = setTimeout(end, 12_000);
  }

  // Sharing.

  /** What the button ••• does: asks where to, records the intent, and sends the card. */
  async share() {
    const target = await shareSheet(this);
    if (!target) return;
    if (target === 'group') {
      await this.shareToGroup();
      return;
    }
    const path = await this.sharedPath(target === 'timeline' ? 'timeline' : 'appMessage');
    if (target === 'timeline') await this.wx.shareToTimeline({ query: path.split('?')[1] });
    else await this.wx.shareToGroup({ group: `friend-of-${this.user.openid}`, chatType: 1, path });
    this.showToast({ title: t('已分享', 'Shared') });
  }

  /** Sends a card into a group, where it opens: true if the user has chosen one. The other phones see the card. */
  async shareToGroup() {
    const chosen = await pickGroup(this);
    if (!chosen) return false;
    const { shareCard } = await this.wx.shareToGroup({
      group: chosen.group,
      chatType: 3,
      path: await this.sharedPath('appMessage'),
    });
    for (const other of neighbours) {
      if (other === this || !other.user) continue;
      const text = t(`${this.user.nickName}：来比比步数`, `${this.user.nickName}: who walks more?`);
      other.notify({ from: chosen.name, text, open: () => other.page.run(() => other.enterGroup(shareCard)) });
    }
    await this.joinGroup();
    return true;
  }

  /** Where a card leads to: its id lets the back end count who comes. */
  async sharedPath(type) {
    const page = `pages/${this.page.name}/${this.page.name}`;
    const { shareId } = await this.api.post('/api/record-share', { type, page, timestamp: Math.floor(clock.now()) });
    return `${page}?shareId=${shareId}`;
  }

  /** Opens the mini program by a card of a group. */
  async enterGroup(shareCard) {
    const { query } = await this.wx.enterByShare({ shareCard });
    if (query.shareId) await this.api.post('/api/share/entry', { shareId: query.shareId });
    await this.joinGroup();
    this.switchTab('/pages/steps/steps');
  }

  /** Tells the back end which group the user came from. */
  async joinGroup() {
    const { openGId } = await this.api.withSession(async () => {
      const { encryptedData, iv } = await this.wx.getGroupEnterInfo();
      return this.api.post('/api/share/group', { encryptedData, iv });
    });
    this.wx.setStorageSync('openGId', openGId);
  }

  // What pages and dialogs need to know.

  now() {
    return clock.now();
  }

  avatar() {
    return h(
      'span',
      { class: 'avatar', style: { background: COLOURS[this.number % COLOURS.length] }, 'aria-hidden': 'true' },
      (this.user?.nickName ?? '?').slice(-1),
    );
  }

  templateTitle(id) {
    return templates().find((template) => template.id === id)?.title ?? id;
  }
}
