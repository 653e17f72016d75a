import { h } from './dom.js';
import { dayTime, t, yuan } from './i18n.js';
import { Page } from './page.js';
import { button, card, cell, productPicture, shippingText, statusText } from './parts.js';

const pause = (millis) =>
  new Promise((wake) => {
    setTimeout(wake, millis);
  });

export default Page({
  data: { orderId: undefined, order: undefined, isPaidOnPhone: false, isWaiting: false },

  title: () => t('订单详情', 'Order'),

  async onLoad({ orderId, pay }) {
    this.data.orderId = orderId;
    await this.refresh();
    if (pay) await this.run(() => this.pay());
  },

  async refresh() {
    const { order } = await this.api.get(`/api/orders/${this.data.orderId}`);
    this.setData({ order });
    return order;
  },

  async pay() {
    const { outTradeNo, totalFee } = this.data.order;
    const { payParams } = await this.api.post('/api/pay/unified-order', { outTradeNo, totalFee });
    await this.wx.requestPayment({ ...payParams, totalFee });
    // The phone's success proves nothing: the order is paid when the back end says so.
    this.setData({ isPaidOnPhone: true });
    await this.waitUntilPaid();
  },

  async waitUntilPaid() {
    this.setData({ isWaiting: true });
    try {
      for (const millis of [200, 300, 500, 1000, 1000, 2000]) {
        await pause(millis);
        if (!this.element || (await this.refresh()).status !== 'UNPAID') return;
      }
    } finally {
      this.setData({ isWaiting: false });
    }
  },

  async cancel() {
    const { confirm } = await this.wx.showModal({
      title: t('取消这个订单？', 'Cancel this order?'),
      cancelText: t('再想想', 'Keep it'),
      confirmText: t('取消订单', 'Cancel it'),
    });
    if (!confirm) return;
    const { order } = await this.api.post(`/api/orders/${this.data.orderId}/cancel`);
    this.setData({ order });
  },

  async requestRefund() {
    const { confirm, content } = await this.wx.showModal({
      title: t('申请退款', 'Ask for a refund'),
      content: t('店家同意后，钱原路退回。', 'When the shop agrees, the money goes back the way it came.'),
      editable: true,
      placeholderText: t('退款原因', 'Why'),
      confirmText: t('提交', 'Send'),
    });
    if (!confirm) return;
    await this.api.post(`/api/orders/${this.data.orderId}/refund-request`, {
      reason: content.trim() || t('不想要了', 'Changed my mind'),
    });
    await this.refresh();
  },

  async confirmReceipt() {
    const extraData = { transaction_id: this.data.order.transactionId };
    await this.wx.openBusinessView({ businessType: 'weappOrderConfirm', extraData });
    await this.refresh();
  },

  view() {
    const { order, isPaidOnPhone, isWaiting } = this.data;
    if (!order)
      return this.isBusy()
        ? h('p', { class: 'loading' }, t('正在加载…', 'Loading…'))
        : button(
            t('再试一次', 'Try again'),
            this.tap(() => this.refresh()),
            'plain',
          );
    const isUnpaid = order.status === 'UNPAID';
    const canAsk = order.status === 'PAID' && !['REQUESTED', 'APPROVED'].includes(order.refundRequest?.state);
    return [
      h(
        'div',
        { class: `order-head head-${order.status.toLowerCase()}` },
        h(
          'strong',
          { 'data-status': order.status, role: 'status' },
          isUnpaid && isPaidOnPhone ? t('等待支付结果', 'Waiting for the notice') : statusText(order.status),
        ),
        h('span', {}, this.explanation()),
      ),
      card(
        order.items.map((item) =>
          h(
            'div',
            { class: 'line' },
            productPicture(item),
            h('span', { class: 'line-name' }, item.name),
            h('span', { class: 'line-count' }, `×${item.quantity}`),
            h('span', {}, yuan(item.price * item.quantity)),
          ),
        ),
        h('div', { class: 'line line-total' }, h('span', {}, t('合计', 'Total')), h('strong', {}, yuan(order.totalFee))),
      ),
      card(this.facts().map(([text, value]) => cell({ text, value }))),
      h(
        'div',
        { class: 'buttons' },
        isUnpaid &&
          button(
            t('支付', 'Pay'),
            this.tap(() => this.pay()),
            'green wide',
          ),
        isUnpaid &&
          button(
            t('取消订单', 'Cancel the order'),
            this.tap(() => this.cancel()),
            'plain wide',
          ),
        order.shipping?.state === 'SHIPPED' &&
          button(
            t('确认收货', 'Confirm the receipt'),
            this.tap(() => this.confirmReceipt()),
            'green wide',
          ),
        canAsk &&
          button(
            t('申请退款', 'Ask for a refund'),
            this.tap(() => this.requestRefund()),
            'plain wide',
          ),
        !isWaiting &&
          button(
            t('刷新', 'Refresh'),
            this.tap(() => this.refresh()),
            'text wide',
          ),
      ),
    ];
  },

  explanation() {
    const { order, isPaidOnPhone } = this.data;
    if (order.refundRequest?.state === 'REQUESTED')
      return t('退款申请已提交，等店家处理', 'You asked for a refund; the shop decides');
    if (order.refundRequest?.state === 'REJECTED')
      return t(`店家没有同意退款：${order.refundRequest.note}`, `The shop refused the refund: ${order.refundRequest.note}`);
    switch (order.status) {
      case 'UNPAID':
        return isPaidOnPhone
          ? t('手机已付款，后端还没收到通知', 'The phone has paid; no notice has reached the back end')
          : t('请在 30 分钟内支付', 'Pay within 30 minutes');
      case 'PAID':
        return t('后端已收到微信支付的通知', "The back end has WeChat Pay's word");
      case 'REFUNDING':
        return t('钱正在退回', 'The money is on its way back');
      case 'REFUNDED':
        return t(`已退回 ${yuan(order.refundedFee ?? order.totalFee)}`, `${yuan(order.refundedFee ?? order.totalFee)} went back`);
      default:
        return t('未支付，不会再扣款', 'Not paid, and cannot be paid any more');
    }
  },

  facts() {
    const { order } = this.data;
    const { address, invoiceTitle } = order;
    return [
      [t('订单号', 'Order'), order.orderId],
      [t('下单时间', 'Placed'), dayTime(order.createdAt)],
      order.paidAt && [t('支付时间', 'Paid'), dayTime(order.paidAt)],
      order.transactionId && [t('支付单号', 'Transaction'), order.transactionId],
      order.refundedFee && [t('已退金额', 'Refunded'), yuan(order.refundedFee)],
      address && [t('收货人', 'Receiver'), `${address.userName} ${address.telNumber}`],
      address && [
        t('地址', 'Address'),
        [address.provinceName, address.cityName, address.countyName, address.detailInfo].join(''),
      ],
      invoiceTitle && [t('发票抬头', 'Invoice'), invoiceTitle.title],
      order.remark && [t('备注', 'Remark'), order.remark],
      order.shipping && order.shipping.state !== 'NONE' && [t('发货', 'Shipping'), shippingText(order.shipping)],
    ].filter(Boolean);
  },
});
