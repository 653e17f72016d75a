// Puts the page together: phones on the left, what happened and the switches beside them.

import { Controls } from './controls.js';
import { h, render } from './dom.js';
import { applyLanguage, isEnglish, onLanguage, setLanguage, t } from './i18n.js';
import { icon } from './icons.js';
import { Phone } from './phone.js';
import { TimelineView } from './timeline-view.js';

const MOST_PHONES = 3;
const phones = [];
let active;
/** The part that is shown where not all fit. */
let part = 'phones';

const PHONE_WIDTH = 393;
const PANEL_WIDTH = 330;

/** How many of the parts fit beside each other. */
function layout() {
  const room = innerWidth - phones.length * PHONE_WIDTH;
  if (innerWidth < 720 || room < PANEL_WIDTH) return 'one';
  return room < 2.4 * PANEL_WIDTH ? 'two' : 'three';
}

const head = document.querySelector('#head');
const stage = h('section', { class: 'stage', id: 'phones' });
const timeline = new TimelineView({ people: () => phones.map(({ user }) => user).filter(Boolean) });
const controls = new Controls({ phone: () => active });

timeline.onEvent((event) => {
  controls.onEvent(event);
  if (event.kind === 'wechat' && event.path.includes('/message/') && event.path.endsWith('/send') && event.outcome === 'ok')
    deliver(event);
});

/** WeChat shows a message that the back end sent to a user. */
function deliver({ path, request }) {
  const phone = phones.find(({ user }) => user?.openid === request?.touser);
  if (!phone) return;
  if (phone.page?.onMessage) phone.page.onMessage().catch((error) => phone.showError(error));
  const isService = path.includes('/custom/');
  const name = isService ? 'service' : 'subscribe';
  if (phone.page?.name === name) return;
  phone.notify({
    from: isService ? t('客服', 'Customer service') : t('服务通知', 'Service notification'),
    text: isService ? (request.text?.content ?? t('[消息]', '[message]')) : phone.templateTitle(request.template_id),
    open: () => phone.navigateTo(`/pages/${name}/${name}`),
  });
}

function addPhone() {
  const phone = new Phone(phones.length, {
    onFocus: (touched) => {
      if (active === touched) return;
      active = touched;
      controls.draw();
    },
    onRequestId: (requestId) => {
      showPart('happened');
      timeline.reveal(requestId);
    },
  });
  phones.push(phone);
  active ??= phone;
  stage.append(phone.element);
  sessionStorage.setItem('phones', String(phones.length));
  drawHead();
  return phone.start().then(() => {
    drawHead();
    timeline.drawTools();
    controls.draw();
  });
}

function removePhone() {
  const phone = phones.pop();
  phone.end();
  if (active === phone) [active] = phones;
  sessionStorage.setItem('phones', String(phones.length));
  drawHead();
  timeline.drawTools();
  controls.draw();
}

function showPart(name) {
  part = name;
  document.body.dataset.part = name;
  drawHead();
}

function drawHead() {
  document.body.dataset.layout = layout();
  const shown = layout() === 'two' && part === 'phones' ? 'happened' : part;
  const parts = [
    ['phones', 'phone', t('手机', 'Phone')],
    ['happened', 'orders', t('发生了什么', 'What happened')],
    ['controls', 'target', t('控制', 'Controls')],
  ];
  render(
    head,
    h(
      'div',
      { class: 'brand' },
      h('strong', {}, t('手机与后端', 'A phone and its back end')),
      h('span', {}, t('左边用小程序，右边看后端做了什么', 'Use the mini program; watch what its back end does')),
    ),
    h(
      'nav',
      { class: 'parts', 'aria-label': t('页面的部分', 'Parts of the page') },
      parts.map(([name, mark, text]) =>
        h(
          'button',
          {
            type: 'button',
            'data-part': name,
            'aria-current': shown === name ? 'true' : undefined,
            onclick: () => showPart(name),
          },
          icon(mark),
          text,
        ),
      ),
    ),
    h(
      'div',
      { class: 'head-actions' },
      phones.length < MOST_PHONES &&
        h(
          'button',
          { type: 'button', class: 'quiet', 'data-action': 'add-phone', onclick: addPhone },
          icon('plus'),
          t('再来一部手机', 'Another phone'),
        ),
      phones.length > 1 &&
        h(
          'button',
          { type: 'button', class: 'quiet', 'data-action': 'remove-phone', onclick: removePhone },
          icon('minus'),
          t('收起一部', 'One less'),
        ),
      h(
        'button',
        {
          type: 'button',
          class: 'quiet',
          'data-action': 'language',
          lang: isEnglish() ? 'zh-CN' : 'en',
          onclick: () => setLanguage(isEnglish() ? 'zh' : 'en'),
        },
        isEnglish() ? '中文' : 'English',
      ),
    ),
  );
}

applyLanguage();
onLanguage(drawHead);
addEventListener('resize', drawHead);
document.querySelector('#parts').append(stage, timeline.element, controls.element);
showPart(part);
// The simulated WeChat forgets its users when the program ends.
timeline.start(() => phones.forEach((phone) => phone.start()));
controls.start();
const wanted = Math.min(MOST_PHONES, Math.max(1, Number(sessionStorage.getItem('phones')) || 1));
for (let number = 0; number < wanted; number += 1) addPhone();
