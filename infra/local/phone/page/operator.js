// What an operator does with signed requests: refunds, users' requests for them, cases, products, messages to users.

import { newIdempotencyKey } from './api.js';
import { h } from './dom.js';
import { t, yuan } from './i18n.js';
import { templates } from './pages.js';
import { control } from './wx.js';

export const operatorData = () => ({
  orders: [],
  outTradeNo: '',
  refundFee: '',
  requests: [],
  cases: [],
  products: [],
  notes: {},
  message: '',
  isRead: false,
});

/** A request of an operator, which the local world signs: the body of its answer, or an error with what it said. */
async function operator(method, path, body, headers) {
  const answer = await control('operator', { method, path, body, headers });
  if (answer.status < 400) return answer.body;
  throw Object.assign(new Error(answer.body?.message ?? `HTTP ${answer.status}`), { code: answer.body?.code });
}

/** Gives the user who is logged in with this client the role that may ship and verify cards. */
async function makeStaff(api) {
  const { user } = await api.get('/api/user');
  await operator('PUT', `/api/admin/users/${user.userId}/role`, { role: 'staff' });
}

const CASE_KINDS = [
  'PAYMENT_MISMATCH',
  'ORDER_DISPUTED',
  'REFUND_STUCK',
  'BILL_DIFFERENCE',
  'OVERSOLD',
  'NOT_SHIPPED',
  'FROZEN',
  'SHIPPING_REFUSED',
  'COMPLAINT',
];

/** One after the other, so that the timeline can tell what belongs to which request. */
async function read(data) {
  const { orders } = await control('orders');
  const { refundRequests } = await operator('GET', '/api/admin/refund-requests?state=REQUESTED');
  const { products } = await operator('GET', '/api/admin/products');
  const cases = [];
  for (const kind of CASE_KINDS) cases.push(...(await operator('GET', `/api/admin/cases?kind=${kind}`)).cases);
  const paid = orders.filter(({ trade_state: state }) => ['SUCCESS', 'REFUND'].includes(state)).reverse();
  Object.assign(data, { orders: paid, requests: refundRequests, products, cases, isRead: true });
  if (!paid.some((order) => order.out_trade_no === data.outTradeNo)) data.outTradeNo = paid[0]?.out_trade_no ?? '';
}

/** The operator's part of the controls. */
export function drawOperator(controls) {
  const data = controls.operator;
  /** A button that does something and reads everything anew. */
  const act = (work) =>
    controls.act(async () => {
      const said = await work();
      await read(data);
      return said;
    });
  return [
    h(
      'button',
      { type: 'button', class: 'chip strong', 'data-operator': 'read', onclick: act(() => '') },
      data.isRead ? t('刷新', 'Refresh') : t('看看有什么要处理', 'See what there is to do'),
    ),
    data.isRead && [
      refunds(data, act, controls),
      requests(data, act, controls),
      cases(data, act, controls),
      products(data, act, controls),
      people(data, act, controls),
    ],
  ];
}

function refunds(data, act, controls) {
  const refund = act(async () => {
    const body = {
      outTradeNo: data.outTradeNo,
      ...(data.refundFee && { refundFee: Math.round(Number(data.refundFee) * 100) }),
      reason: '店家退款',
    };
    const answer = await operator('POST', '/api/admin/refunds', body, { 'idempotency-key': newIdempotencyKey() });
    data.refundFee = '';
    return t(
      `退款 ${yuan(answer.refund.refundFee)}：${answer.refund.status}`,
      `Refund of ${yuan(answer.refund.refundFee)}: ${answer.refund.status}`,
    );
  });
  // The user of the phone acts as staff.
  const ship = act(async () => {
    const { api } = controls.phone();
    await makeStaff(api);
    const parcel = { trackingNo: `YT${data.outTradeNo.slice(-12)}`, expressCompany: 'YTO', itemDesc: '本地小店的商品' };
    // An attempt's number is that of its order and two digits.
    await api.post(`/api/orders/${data.outTradeNo.slice(0, -2)}/ship`, { logisticsType: 1, packages: [parcel] });
    return t('已发货', 'Shipped');
  });
  return h(
    'fieldset',
    {},
    h('legend', {}, t('订单', 'Orders')),
    data.orders.length === 0
      ? h('p', { class: 'note' }, t('还没有付过款的订单', 'No order has been paid yet'))
      : [
          h(
            'select',
            {
              class: 'field',
              'aria-label': t('订单', 'Order'),
              value: data.outTradeNo,
              onchange: ({ target }) => {
                data.outTradeNo = target.value;
                controls.draw();
              },
            },
            data.orders.map((order) =>
              h(
                'option',
                { value: order.out_trade_no, selected: order.out_trade_no === data.outTradeNo },
                `…${order.out_trade_no.slice(-8)}　${yuan(order.total_fee)}${order.trade_state === 'REFUND' ? t('（退过）', ' (refunded before)') : ''}`,
              ),
            ),
          ),
          h(
            'div',
            { class: 'row' },
            h('input', {
              class: 'field',
              type: 'number',
              min: '0.01',
              step: '0.01',
              'aria-label': t('金额（元），不填为全部', 'Amount in yuan; all if empty'),
              placeholder: t('金额（元），不填为全部', 'Amount; all if empty'),
              value: data.refundFee,
              oninput: ({ target }) => {
                data.refundFee = target.value;
              },
            }),
            h(
              'button',
              { type: 'button', class: 'chip strong', 'data-operator': 'refund', onclick: refund },
              t('退款', 'Refund'),
            ),
            h('button', { type: 'button', class: 'chip', 'data-operator': 'ship', onclick: ship }, t('发货', 'Ship')),
          ),
        ],
  );
}

function requests(data, act, controls) {
  if (data.requests.length === 0)
    return h(
      'fieldset',
      {},
      h('legend', {}, t('退款申请', 'Refund requests')),
      h('p', { class: 'note' }, t('没有待处理的申请', 'Nobody is waiting')),
    );
  return h(
    'fieldset',
    {},
    h('legend', {}, t('退款申请', 'Refund requests')),
    data.requests.map((request) =>
      h(
        'div',
        { class: 'item', key: request.id },
        h('p', {}, h('strong', {}, yuan(request.refundFee)), ` …${request.orderId.slice(-6)}　${request.reason ?? ''}`),
        note(data, request.id, t('给用户的话（拒绝时必填）', 'A word to the user (needed to reject)')),
        h(
          'div',
          { class: 'chips' },
          h(
            'button',
            {
              type: 'button',
              class: 'chip strong',
              'data-operator': 'approve',
              onclick: act(async () => {
                await operator('POST', `/api/admin/refund-requests/${request.id}/approve`, withNote(data, request.id));
                return t('已同意', 'Approved');
              }),
            },
            t('同意', 'Approve'),
          ),
          h(
            'button',
            {
              type: 'button',
              class: 'chip',
              'data-operator': 'reject',
              onclick: act(async () => {
                await operator('POST', `/api/admin/refund-requests/${request.id}/reject`, withNote(data, request.id));
                return t('已拒绝', 'Rejected');
              }),
            },
            t('拒绝', 'Reject'),
          ),
        ),
      ),
    ),
  );
}

function cases(data, act) {
  return h(
    'fieldset',
    {},
    h('legend', {}, t('待办', 'Cases')),
    data.cases.length === 0 && h('p', { class: 'note' }, t('没有待办', 'No open case')),
    data.cases.map((one) =>
      h(
        'div',
        { class: 'item', key: one.caseId },
        h('p', {}, h('strong', {}, one.kind), ` ${one.what}`),
        note(data, one.caseId, t('做了什么', 'What was done')),
        h(
          'button',
          {
            type: 'button',
            class: 'chip',
            'data-operator': 'close',
            onclick: act(async () => {
              await operator('POST', `/api/admin/cases/${encodeURIComponent(one.caseId)}/close`, withNote(data, one.caseId));
              return t('已关闭', 'Closed');
            }),
          },
          t('关闭', 'Close'),
        ),
      ),
    ),
  );
}

function products(data, act) {
  const save = (product, changes) =>
    act(async () => {
      const { productId, name, price, shelf, delivery } = product;
      await operator('PUT', `/api/admin/products/${productId}`, { name, price, shelf, delivery, ...changes });
      return t(`已保存：${name}`, `Saved: ${name}`);
    });
  return h(
    'fieldset',
    {},
    h('legend', {}, t('商品', 'Products')),
    data.products.map((product) =>
      h(
        'div',
        { class: 'item product-row', key: product.productId },
        h(
          'span',
          {},
          product.name,
          h('small', {}, yuan(product.price)),
          h(
            'small',
            {},
            product.stock === undefined ? t('不计库存', 'not counted') : t(`库存 ${product.stock}`, `${product.stock} in stock`),
          ),
        ),
        h(
          'span',
          { class: 'chips' },
          h('button', { type: 'button', class: 'chip', onclick: save(product, { stock: 1 }) }, t('只剩一件', 'One left')),
          h(
            'button',
            { type: 'button', class: 'chip', onclick: save(product, { price: product.price + 100 }) },
            t('涨价一元', 'Raise by ¥1'),
          ),
          h('button', { type: 'button', class: 'chip', onclick: save(product, { shelf: 'off' }) }, t('下架', 'Take off')),
        ),
      ),
    ),
  );
}

function people(data, act, controls) {
  const { user, api } = controls.phone() ?? {};
  if (!user) return undefined;
  const template = templates()[0];
  const subscribeMessage = { openid: user.openid, templateId: template.id, data: { thing1: { value: '您的订单已支付' } } };
  return h(
    'fieldset',
    {},
    h('legend', {}, t(`用户：${user.nickName}`, `User: ${user.nickName}`)),
    h(
      'div',
      { class: 'row' },
      h('input', {
        class: 'field',
        'aria-label': t('客服消息', 'Message of customer service'),
        placeholder: t('客服回复', 'Answer as customer service'),
        value: data.message,
        oninput: ({ target }) => {
          data.message = target.value;
        },
      }),
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          'data-operator': 'answer',
          onclick: act(async () => {
            await operator(
              'POST',
              '/api/admin/messages',
              { openid: user.openid, msgtype: 'text', text: { content: data.message } },
              { 'idempotency-key': newIdempotencyKey() },
            );
            data.message = '';
            return t('已发送', 'Sent');
          }),
        },
        t('发送', 'Send'),
      ),
    ),
    h(
      'div',
      { class: 'chips' },
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          onclick: act(async () => {
            await operator('POST', '/api/admin/subscribe/send', subscribeMessage);
            return t('已发送订阅消息', 'Subscribe message sent');
          }),
        },
        t('发一条订阅消息', 'Send a subscribe message'),
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          onclick: act(async () => {
            await makeStaff(api);
            return t('现在是店员', 'Staff now');
          }),
        },
        t('设为店员', 'Make staff'),
      ),
    ),
  );
}

const note = (data, id, text) =>
  h('input', {
    class: 'field',
    'aria-label': text,
    placeholder: text,
    value: data.notes[id] ?? '',
    oninput: ({ target }) => {
      data.notes[id] = target.value;
    },
  });
const withNote = (data, id) => (data.notes[id]?.trim() ? { note: data.notes[id].trim() } : {});
