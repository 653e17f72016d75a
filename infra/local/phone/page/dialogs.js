// What WeChat draws over a mini program: its cashier, its sheets and its choosers. Each returns a promise of what the user chose.

import { focusable, h, render, trapFocus } from './dom.js';
import { icon } from './icons.js';
import { t, yuan } from './i18n.js';

let count = 0;

/**
 * Opens a dialog over the phone's screen. `draw({ close, update, titleId })` gives its content, and is called again by `update`;
 * `close(value)` ends it. Escape, and a touch beside it, end it with `cancelled`.
 */
function open(phone, { kind, cancelled, label, draw }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const titleId = `dialog-${(count += 1)}`;
    const name = label ? { 'aria-label': label } : { 'aria-labelledby': titleId };
    const dialog = h('div', { class: `dialog dialog-${kind}`, role: 'dialog', 'aria-modal': 'true', tabindex: '-1', ...name });
    const layer = h(
      'div',
      {
        class: 'dialog-layer',
        onclick: (event) => {
          if (event.target === layer) close(cancelled);
        },
      },
      dialog,
    );

    function close(value) {
      if (!layer.isConnected) return;
      layer.remove();
      phone.dialogClosed();
      if (before?.isConnected) before.focus();
      resolve(value);
    }
    const focusFirst = () => (dialog.querySelector('[data-first]') ?? focusable(dialog)[0] ?? dialog).focus();
    const update = () => {
      render(dialog, draw({ close, update, titleId }));
      // What had the focus may be gone.
      if (layer.isConnected && !dialog.contains(document.activeElement)) focusFirst();
    };

    update();
    trapFocus(dialog, () => close(cancelled));
    phone.dialogOpened(layer);
    focusFirst();
  });
}

const button = (text, onclick, kind = 'plain', more = {}) =>
  h('button', { type: 'button', class: `wx-button ${kind}`, onclick, ...more }, text);

function sheetHead(phone, title, titleId, close) {
  return h(
    'div',
    { class: 'sheet-head' },
    h('button', { type: 'button', class: 'sheet-close', 'aria-label': t('关闭', 'Close'), onclick: close }, icon('close')),
    h('h2', { id: titleId }, title),
  );
}

/** wx.showModal */
export function modal(
  phone,
  {
    title = '',
    content = '',
    showCancel = true,
    cancelText = t('取消', 'Cancel'),
    confirmText = t('确定', 'OK'),
    editable = false,
    placeholderText = '',
  },
) {
  let text = '';
  const answer = (confirm) => ({ confirm, cancel: !confirm, ...(editable && confirm && { content: text }) });
  return open(phone, {
    kind: 'modal',
    cancelled: answer(false),
    draw: ({ close, titleId }) => [
      h('h2', { id: titleId }, title),
      content && h('p', {}, content),
      editable &&
        h('input', {
          class: 'field',
          'aria-label': placeholderText,
          placeholder: placeholderText,
          maxlength: '80',
          'data-first': true,
          value: text,
          oninput: ({ target }) => {
            text = target.value;
          },
        }),
      h(
        'div',
        { class: 'modal-buttons' },
        showCancel && button(cancelText, () => close(answer(false)), 'text'),
        button(confirmText, () => close(answer(true)), 'text strong', { 'data-first': !editable }),
      ),
    ],
  });
}

/** The sheet with which WeChat asks whether a mini program may do something. True if the user allows it. */
export function allow(phone, what) {
  return open(phone, {
    kind: 'sheet',
    cancelled: false,
    draw: ({ close, titleId }) => [
      h(
        'p',
        { class: 'sheet-app' },
        h('span', { class: 'app-mark' }, '店'),
        t('本地小店', 'Local shop'),
        h('small', {}, t('申请', 'asks to')),
      ),
      h('h2', { id: titleId }, what),
      h('p', { class: 'sheet-user' }, phone.avatar(), phone.user.nickName),
      h(
        'div',
        { class: 'sheet-buttons' },
        button(t('拒绝', 'Reject'), () => close(false), 'grey'),
        button(t('允许', 'Allow'), () => close(true), 'green', { 'data-first': true }),
      ),
    ],
  });
}

/** The password that this cashier calls wrong. Any other six digits are right. */
const WRONG_PASSWORD = '000000';

/** WeChat Pay's cashier. 'pay' after six digits, 'cancel' when the user leaves. */
export function cashier(phone, totalFee) {
  const state = { step: 'confirm', method: 'bank', digits: '', problem: '' };
  return open(phone, {
    kind: 'sheet cashier',
    cancelled: 'cancel',
    draw: ({ close, update, titleId }) => {
      const set = (changes) => {
        Object.assign(state, changes);
        update();
      };
      const cancel = () => close('cancel');
      if (state.step === 'confirm') return confirmation(phone, { state, set, totalFee, titleId, cancel });
      return passwordPad(phone, { state, set, totalFee, titleId, cancel, pay: () => close('pay') });
    },
  });
}

function confirmation(phone, { state, set, totalFee, titleId, cancel }) {
  const methods = [
    ['bank', t('储蓄卡（尾号 0428）', 'Debit card (0428)'), 'card'],
    ['balance', t('零钱（剩余 ¥0.00）', 'Balance (¥0.00 left)'), 'wallet'],
  ];
  const confirm = () =>
    set(
      state.method === 'balance'
        ? { problem: t('余额不足，请更换支付方式', 'Balance not enough; choose another way to pay') }
        : { step: 'password', digits: '', problem: '' },
    );
  return [
    sheetHead(phone, t('确认支付', 'Confirm payment'), titleId, cancel),
    h('p', { class: 'cashier-payee' }, t('本地小店', 'Local shop')),
    h('p', { class: 'cashier-amount' }, yuan(totalFee ?? 0)),
    h(
      'fieldset',
      { class: 'cashier-methods' },
      h('legend', {}, t('支付方式', 'Pay with')),
      methods.map(([value, text, mark]) =>
        h(
          'label',
          {},
          icon(mark),
          h('span', {}, text),
          h('input', {
            type: 'radio',
            name: `method-${phone.id}`,
            value,
            checked: state.method === value,
            onchange: () => set({ method: value, problem: '' }),
          }),
        ),
      ),
    ),
    h('p', { class: 'cashier-problem', role: 'alert' }, state.problem),
    button(t('立即支付', 'Pay now'), confirm, 'green wide', { 'data-first': true }),
  ];
}

function passwordPad(phone, { state, set, totalFee, titleId, cancel, pay }) {
  const type = (digit) => {
    if (state.digits.length === 6) return;
    const digits = state.digits + digit;
    if (digits.length < 6) set({ digits, problem: '' });
    else if (digits === WRONG_PASSWORD) set({ digits: '', problem: t('支付密码错误，请重试', 'Wrong password; try again') });
    else {
      set({ digits, problem: '' });
      pay();
    }
  };
  const remove = () => set({ digits: state.digits.slice(0, -1) });
  const onkeydown = (event) => {
    if (/^\d$/.test(event.key)) type(event.key);
    if (event.key === 'Backspace') remove();
  };
  const keys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '', '0', 'delete'];
  return h(
    'div',
    { class: 'password', onkeydown },
    sheetHead(phone, t('请输入支付密码', 'Enter the payment password'), titleId, cancel),
    h('p', { class: 'cashier-payee' }, t('本地小店', 'Local shop')),
    h('p', { class: 'cashier-amount' }, yuan(totalFee ?? 0)),
    h(
      'div',
      {
        class: 'password-dots',
        role: 'img',
        'aria-label': t(`已输入 ${state.digits.length} 位`, `${state.digits.length} of 6 digits`),
      },
      [0, 1, 2, 3, 4, 5].map((place) => h('i', { class: place < state.digits.length ? 'filled' : '' })),
    ),
    h('p', { class: 'cashier-problem', role: 'alert' }, state.problem),
    h('p', { class: 'cashier-hint' }, t('任意六位数字；000000 是错误的密码', 'Any six digits; 000000 is the wrong password')),
    h(
      'div',
      { class: 'keypad' },
      keys.map((key) => {
        if (key === '') return h('span', {});
        if (key === 'delete')
          return h('button', { type: 'button', 'aria-label': t('删除', 'Delete'), onclick: remove }, icon('delete'));
        return h('button', { type: 'button', 'data-first': key === '1', onclick: () => type(key) }, key);
      }),
    ),
  );
}

/** wx.requestSubscribeMessage: each template can be accepted or rejected; templates are { id, title } or ids. */
export function subscribe(phone, templates) {
  const chosen = new Map(templates.map((id) => [id, true]));
  const answer = (all) => Object.fromEntries([...chosen].map(([id, yes]) => [id, all && yes ? 'accept' : 'reject']));
  return open(phone, {
    kind: 'sheet',
    cancelled: answer(false),
    draw: ({ close, update, titleId }) => [
      h(
        'p',
        { class: 'sheet-app' },
        h('span', { class: 'app-mark' }, '店'),
        t('本地小店', 'Local shop'),
        h('small', {}, t('申请', 'asks')),
      ),
      h('h2', { id: titleId }, t('发送以下消息给你', 'to send you these messages')),
      h(
        'ul',
        { class: 'sheet-choices' },
        [...chosen].map(([id, yes]) =>
          h(
            'li',
            {},
            h(
              'label',
              {},
              h('span', {}, phone.templateTitle(id), h('small', {}, id)),
              h('input', {
                type: 'checkbox',
                checked: yes,
                onchange: () => {
                  chosen.set(id, !chosen.get(id));
                  update();
                },
              }),
            ),
          ),
        ),
      ),
      h(
        'div',
        { class: 'sheet-buttons' },
        button(t('取消', 'Cancel'), () => close(answer(false)), 'grey'),
        button(t('允许', 'Allow'), () => close(answer(true)), 'green', { 'data-first': true }),
      ),
    ],
  });
}

/** The fingerprint sensor: 'accept', 'fail' (another finger) or 'cancel'. */
export function fingerprint(phone, content) {
  return open(phone, {
    kind: 'modal fingerprint',
    cancelled: 'cancel',
    draw: ({ close, titleId }) => [
      h('h2', { id: titleId }, t('验证指纹', 'Verify your fingerprint')),
      content && h('p', {}, content),
      h(
        'button',
        { type: 'button', class: 'finger', 'data-first': true, onclick: () => close('accept') },
        icon('finger'),
        h('span', {}, t('按住指纹传感器', 'Touch the sensor')),
      ),
      h(
        'div',
        { class: 'modal-buttons' },
        button(t('取消', 'Cancel'), () => close('cancel'), 'text'),
        button(t('用别的手指', 'Another finger'), () => close('fail'), 'text'),
      ),
    ],
  });
}

/** The sheet of the button •••: 'group', 'single', 'timeline', or undefined. */
export function shareSheet(phone) {
  const targets = [
    ['group', 'group', t('发送到群', 'A group')],
    ['single', 'chat', t('发送给朋友', 'A friend')],
    ['timeline', 'moments', t('分享到朋友圈', 'Moments')],
  ];
  return open(phone, {
    kind: 'sheet',
    draw: ({ close, titleId }) => [
      sheetHead(phone, t('分享这个页面', 'Share this page'), titleId, () => close()),
      h(
        'div',
        { class: 'share-targets' },
        targets.map(([value, mark, text]) => h('button', { type: 'button', onclick: () => close(value) }, icon(mark), text)),
      ),
    ],
  });
}

/** Which group a card is sent to: its name, or undefined. Users who choose the same name are in the same group. */
export function pickGroup(phone) {
  const groups = [
    ['family', t('家人群', 'Family')],
    ['runners', t('跑步群', 'Runners')],
    ['work', t('同事群', 'Colleagues')],
  ];
  return open(phone, {
    kind: 'sheet',
    draw: ({ close, titleId }) => [
      sheetHead(phone, t('选择一个聊天', 'Choose a chat'), titleId, () => close()),
      h(
        'ul',
        { class: 'picker' },
        groups.map(([group, text]) =>
          h(
            'li',
            {},
            h(
              'button',
              { type: 'button', onclick: () => close({ group, name: text }) },
              h('span', { class: 'group-mark' }, icon('group')),
              text,
            ),
          ),
        ),
      ),
    ],
  });
}

/** Chooses one of some records that WeChat keeps for the user. */
function choose(phone, title, records, describe) {
  return open(phone, {
    kind: 'sheet',
    draw: ({ close, titleId }) => [
      sheetHead(phone, title, titleId, () => close()),
      h(
        'ul',
        { class: 'picker' },
        records.map((record) => h('li', {}, h('button', { type: 'button', onclick: () => close(record) }, describe(record)))),
      ),
    ],
  });
}

const ADDRESSES = [
  {
    userName: '张三',
    telNumber: '020-81167888',
    provinceName: '广东省',
    cityName: '广州市',
    countyName: '海珠区',
    detailInfo: '新港中路397号',
    postalCode: '510000',
    nationalCode: '440105',
    nationalCodeFull: '440105',
    streetName: '',
    detailInfoNew: '新港中路397号',
  },
  {
    userName: '李小红',
    telNumber: '13900001234',
    provinceName: '浙江省',
    cityName: '杭州市',
    countyName: '西湖区',
    detailInfo: '文三路 90 号 2 幢 501',
    postalCode: '310012',
    nationalCode: '330106',
    nationalCodeFull: '330106',
    streetName: '',
    detailInfoNew: '文三路 90 号 2 幢 501',
  },
];

/** wx.chooseAddress */
export const chooseAddress = (phone) =>
  choose(phone, t('选择收货地址', 'Choose an address'), ADDRESSES, (address) => [
    h('strong', {}, `${address.userName}　${address.telNumber}`),
    h('small', {}, [address.provinceName, address.cityName, address.countyName, address.detailInfo].join('')),
  ]);

const INVOICE_TITLES = [
  { type: '1', title: '张三', taxNumber: '', companyAddress: '', telephone: '', bankName: '', bankAccount: '' },
  {
    type: '0',
    title: '广州某某贸易有限公司',
    taxNumber: '91440101MA5ABCDE1X',
    companyAddress: '广州市海珠区新港中路397号',
    telephone: '020-81167888',
    bankName: '招商银行',
    bankAccount: '622202000000001',
  },
];

/** wx.chooseInvoiceTitle: type '0' is a company, '1' a person. */
export const chooseInvoiceTitle = (phone) =>
  choose(phone, t('选择发票抬头', 'Choose an invoice title'), INVOICE_TITLES, (invoice) => [
    h('strong', {}, invoice.title),
    h('small', {}, invoice.type === '0' ? invoice.taxNumber : t('个人', 'Person')),
  ]);
