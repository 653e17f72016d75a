// The switches beside the phone: WeChat's faults, the clock, scheduled functions, and an operator's buttons.

import * as clock from './clock.js';
import { h, render } from './dom.js';
import { faults } from './faults.js';
import { dayTime, clockTime, onLanguage, t } from './i18n.js';
import { icon } from './icons.js';
import { drawOperator, operatorData } from './operator.js';
import { control } from './wx.js';

const MINUTE = 60;
const DAY = 86_400;

const STEPS = () => [
  [MINUTE, t('1 分钟', '1 minute')],
  [31 * MINUTE, t('31 分钟', '31 minutes'), t('未支付的订单过期', 'Unpaid orders expire')],
  [DAY, t('1 天', '1 day'), t('对账单', 'The bill is compared')],
  [8 * DAY, t('8 天', '8 days'), t('登录过期', 'Tokens expire')],
];

export class Controls {
  #said = '';
  /** 'good', 'bad', or 'working' */
  #mood = 'good';
  #pending = [];
  #tasks = [];
  #payApi = 'v2';
  #custom = '';

  /** `phone()` is the phone that was touched last. */
  constructor({ phone }) {
    Object.assign(this, { phone });
    this.operator = operatorData();
    this.element = h('section', { class: 'panel controls', id: 'controls' });
    onLanguage(() => this.draw());
    clock.onTick(() => this.#drawClock());
    this.draw();
  }

  async start() {
    await Promise.all([this.#readFaults(), this.#readClock(), this.#readTasks(), this.#readSettings()].map((reading) => reading.catch(() => {})));
    this.draw();
  }

  async #readFaults() {
    this.#pending = (await control('faults')).faults;
  }

  async #readClock() {
    clock.set((await control('clock')).now);
  }

  async #readSettings() {
    this.#payApi = (await control('settings')).payApi;
  }

  async #readTasks() {
    this.#tasks = (await control('tasks')).tasks;
  }

  /** A button's work: what it says, or what went wrong, is shown at the top. */
  act = (work) => async () => {
    this.say(t('正在进行…', 'Working…'), 'working');
    try {
      const said = await work();
      this.say(said ?? '');
    } catch (error) {
      this.say(error.code ? `${error.message}（${error.code}）` : error.message, 'bad');
    }
  };

  say(text, mood = 'good') {
    this.#said = text;
    this.#mood = mood;
    this.draw();
  }

  /** Somebody used WeChat, or an operator did something: what is shown may be old. */
  onEvent(event) {
    const isUsed = event.fault || (event.kind === 'control' && event.path.includes('faults'));
    if (!isUsed || this.#isReading) return;
    this.#isReading = true;
    setTimeout(async () => {
      this.#isReading = false;
      await this.#readFaults().catch(() => {});
      this.draw();
    }, 150);
  }

  #isReading = false;

  draw() {
    render(
      this.element,
      h('h2', {}, t('控制', 'Controls')),
      h('p', { class: `said ${this.#mood}`, role: 'status' }, this.#said),
      this.#section('faults', t('让微信出错', 'Let WeChat fail'), this.#faults(), true),
      this.#section('clock', t('时钟与任务', 'Clock and tasks'), this.#clock(), true),
      this.#section('operator', t('运营者', 'Operator'), drawOperator(this), true),
    );
    this.#drawClock();
  }

  #section(name, text, content, isOpen) {
    return h(
      'details',
      {
        class: 'section',
        'data-section': name,
        open: this.#isOpen(name, isOpen),
        ontoggle: ({ target }) => this.#folds.set(name, target.open),
      },
      h('summary', {}, text),
      h('div', { class: 'section-body' }, content),
    );
  }

  #folds = new Map();
  #isOpen(name, otherwise) {
    return this.#folds.get(name) ?? otherwise;
  }

  #faults() {
    const set = (fault, text) =>
      this.act(async () => {
        await control('faults', fault);
        await this.#readFaults();
        return t(`下一次生效：${text}`, `Takes effect the next time: ${text}`);
      });
    const clear = this.act(async () => {
      await control('faults', undefined, 'DELETE');
      await this.#readFaults();
      return t('已全部清除', 'All removed');
    });
    const waiting = this.#pending.length;
    return [
      h(
        'div',
        { class: 'pending', role: 'status' },
        h(
          'span',
          {},
          waiting > 0
            ? t(
                `等待中：${this.#pending.map(({ fault }) => fault).join('、')}`,
                `Waiting: ${this.#pending.map(({ fault }) => fault).join(', ')}`,
              )
            : t('没有等待中的故障', 'No fault is waiting'),
        ),
        waiting > 0 && h('button', { type: 'button', class: 'quiet', onclick: clear }, t('全部清除', 'Remove all')),
      ),
      faults(this.#payApi, this.phone()?.user?.openid).map((group) =>
        h(
          'fieldset',
          {},
          h('legend', {}, group.title),
          h(
            'div',
            { class: 'chips' },
            group.faults.map(({ text, about, fault }) =>
              h(
                'button',
                {
                  type: 'button',
                  class: 'chip',
                  title: about,
                  'aria-description': about,
                  'data-fault': fault.fault,
                  onclick: set(fault, `${group.title}：${text}。${about}`),
                },
                text,
              ),
            ),
          ),
        ),
      ),
      h(
        'form',
        {
          class: 'row',
          onsubmit: (event) => {
            event.preventDefault();
            this.#setCustom();
          },
        },
        h('input', {
          class: 'field mono',
          'aria-label': t('任意故障（JSON）', 'Any fault (JSON)'),
          placeholder: '{"fault":"clock_skew","seconds":600}',
          value: this.#custom,
          oninput: ({ target }) => {
            this.#custom = target.value;
          },
        }),
        h('button', { type: 'submit', class: 'chip' }, t('设置', 'Set')),
      ),
    ];
  }

  #setCustom() {
    return this.act(async () => {
      let fault;
      try {
        fault = JSON.parse(this.#custom);
      } catch {
        throw new Error(t('不是 JSON', 'This is no JSON'));
      }
      await control('faults', fault);
      await this.#readFaults();
      this.#custom = '';
      return t('已设置', 'Set');
    })();
  }

  #clock() {
    const advance = (seconds, text) =>
      this.act(async () => {
        clock.set((await control('clock', { advanceSeconds: seconds })).now);
        return t(`时钟拨快了${text}`, `The clock went ${text} forward`);
      });
    const run = (name) =>
      this.act(async () => {
        const { report } = await control(`tasks/${name}`, {});
        return `${name}: ${report === undefined ? t('完成', 'done') : JSON.stringify(report)}`;
      });
    return [
      h(
        'p',
        { class: 'clock-now' },
        icon('target'),
        h('output', { class: 'clock-text', 'aria-label': t('现在的时间', 'The time now') }),
      ),
      h(
        'div',
        { class: 'chips' },
        STEPS().map(([seconds, text, about]) =>
          h(
            'button',
            {
              type: 'button',
              class: 'chip',
              title: about,
              'aria-description': about,
              'data-advance': String(seconds),
              onclick: advance(seconds, text),
            },
            `+ ${text}`,
            about && h('small', {}, about),
          ),
        ),
      ),
      this.#tasks.length > 0 &&
        h(
          'fieldset',
          {},
          h('legend', {}, t('立即运行', 'Run now')),
          h(
            'div',
            { class: 'chips' },
            this.#tasks.map(({ name, schedule }) =>
              h(
                'button',
                {
                  type: 'button',
                  class: 'chip',
                  title: schedule,
                  'aria-description': schedule,
                  'data-task': name,
                  onclick: run(name),
                },
                name,
              ),
            ),
          ),
        ),
    ];
  }

  #drawClock() {
    const place = this.element.querySelector('.clock-text');
    if (place) place.textContent = `${dayTime(clock.now()).slice(0, 10)} ${clockTime(clock.now())}`;
  }
}
