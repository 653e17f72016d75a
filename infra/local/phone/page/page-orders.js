import { h } from './dom.js';
import { dayTime, t, yuan } from './i18n.js';
import { Page } from './page.js';
import { button, empty, statusMark } from './parts.js';

export default Page({
  data: { orders: undefined, cursor: undefined },

  title: () => t('我的订单', 'My orders'),

  async onShow() {
    const { orders, cursor } = await this.api.get('/api/orders');
    this.setData({ orders, cursor });
  },

  async onReachBottom() {
    const { orders, cursor } = await this.api.get(`/api/orders?cursor=${encodeURIComponent(this.data.cursor)}`);
    this.setData({ orders: [...this.data.orders, ...orders], cursor });
  },

  open(orderId) {
    return this.wx.navigateTo({ url: `/pages/order/order?orderId=${orderId}` });
  },

  view() {
    const { orders, cursor } = this.data;
    if (!orders)
      return (
        !this.isBusy() &&
        button(
          t('再试一次', 'Try again'),
          this.tap(() => this.onShow()),
          'plain',
        )
      );
    if (orders.length === 0) return empty('orders', t('还没有订单', 'No orders yet'));
    return [
      h(
        'ul',
        { class: 'orders' },
        orders.map((order) =>
          h(
            'li',
            { key: order.orderId },
            h(
              'button',
              { type: 'button', class: 'card order', onclick: this.tap(() => this.open(order.orderId)) },
              h('span', { class: 'order-line' }, h('small', {}, dayTime(order.createdAt)), statusMark(order.status)),
              h(
                'span',
                { class: 'order-line' },
                h('span', { class: 'order-items' }, order.items.map(({ name, quantity }) => `${name} ×${quantity}`).join('、')),
                h('strong', {}, yuan(order.totalFee)),
              ),
              order.refundRequest?.state === 'REQUESTED' && h('small', {}, t('退款申请待处理', 'Asked for a refund')),
            ),
          ),
        ),
      ),
      cursor &&
        button(
          t('更多', 'More'),
          this.tap(() => this.onReachBottom()),
          'plain',
        ),
    ];
  },
});
