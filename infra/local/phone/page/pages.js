// The pages of the mini program. A new page is a file of its own and a line here.

import cards from './page-cards.js';
import checkout from './page-checkout.js';
import fingerprint from './page-fingerprint.js';
import me from './page-me.js';
import order from './page-order.js';
import orders from './page-orders.js';
import profile from './page-profile.js';
import service from './page-service.js';
import shop from './page-shop.js';
import steps from './page-steps.js';
import subscribe from './page-subscribe.js';
import { t } from './i18n.js';

export const pages = { cards, checkout, fingerprint, me, order, orders, profile, service, shop, steps, subscribe };

export const tabs = () => [
  { name: 'shop', text: t('小店', 'Shop'), mark: 'shop' },
  { name: 'orders', text: t('订单', 'Orders'), mark: 'orders' },
  { name: 'steps', text: t('步数', 'Steps'), mark: 'steps' },
  { name: 'me', text: t('我的', 'Me'), mark: 'me' },
];

/** The templates that the mini program asks for. The simulated WeChat knows every id. */
export const templates = () => [
  { id: 'PAID-0000000000000000000000000000000000000', title: t('支付成功通知', 'Payment received') },
  { id: 'SHIP-0000000000000000000000000000000000000', title: t('发货通知', 'Shipped') },
  { id: 'BACK-0000000000000000000000000000000000000', title: t('退款通知', 'Refunded') },
];
