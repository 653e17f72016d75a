// What several pages of the mini program draw alike.

import { h } from './dom.js';
import { hasIcon, icon } from './icons.js';
import { t } from './i18n.js';

/** A button of the mini program; `kind` is 'green', 'grey', 'plain' or 'small' and the like. */
export const button = (text, onclick, kind = 'green wide', more = {}) =>
  h('button', { type: 'button', class: `wx-button ${kind}`, onclick, ...more }, text);

/** A row that leads somewhere, or shows something. */
export function cell({ mark, text, value, onclick }) {
  const content = [
    mark && icon(mark),
    h('span', { class: 'cell-text' }, text),
    value && h('span', { class: 'cell-value' }, value),
    onclick && icon('next'),
  ];
  return onclick ? h('button', { type: 'button', class: 'cell', onclick }, content) : h('div', { class: 'cell' }, content);
}

export const card = (...children) => h('section', { class: 'card' }, ...children);

export const empty = (mark, text) => h('div', { class: 'empty' }, icon(mark), h('p', {}, text));

const TINTS = { cake: 'rose', coffee: 'brown', umbrella: 'violet', water: 'blue' };

/** The picture of a product. */
export function productPicture({ productId }) {
  return h('span', { class: `product-picture ${TINTS[productId] ?? 'green'}` }, icon(hasIcon(productId) ? productId : 'bag'));
}

const STATUSES = {
  UNPAID: ['待支付', 'To be paid'],
  PAID: ['已支付', 'Paid'],
  REFUNDING: ['退款中', 'Being refunded'],
  REFUNDED: ['已退款', 'Refunded'],
  CLOSED: ['已关闭', 'Closed'],
};

const SHIPPING = {
  SHIPPING: ['已发货，等微信登记', 'Shipped; WeChat is being told'],
  SHIPPED: ['已发货', 'Shipped'],
  RECEIVED: ['已收货', 'Received'],
  SETTLED: ['已收货，货款已结算', 'Received; the shop has the money'],
  REFUSED: ['微信未接受发货信息', 'WeChat refused the shipping information'],
};

export const shippingText = ({ state }) => t(...(SHIPPING[state] ?? [state, state]));
export const statusText = (status) => t(...(STATUSES[status] ?? [status, status]));
export const statusMark = (status) => h('span', { class: `status status-${status.toLowerCase()}` }, statusText(status));
