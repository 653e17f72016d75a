import { newIdempotencyKey } from './api.js';
import { h } from './dom.js';
import { t, yuan } from './i18n.js';
import { Page } from './page.js';
import { button, card, cell, productPicture } from './parts.js';

export default Page({
  data: { items: [], address: undefined, invoiceTitle: undefined, remark: '', key: undefined },

  title: () => t('确认订单', 'Confirm the order'),

  onLoad() {
    // The key belongs to what is ordered here: the same order is placed once, however often it is sent.
    this.setData({ items: this.phone.basket ?? [], key: newIdempotencyKey() });
  },

  /** What changes the order makes it another one. */
  change(changes) {
    this.setData({ ...changes, key: newIdempotencyKey() });
  },

  async chooseAddress() {
    const { errMsg, ...address } = await this.wx.chooseAddress();
    this.change({ address });
  },

  async chooseInvoiceTitle() {
    const { errMsg, ...invoiceTitle } = await this.wx.chooseInvoiceTitle();
    this.change({ invoiceTitle });
  },

  async submit() {
    const { items, address, invoiceTitle, remark, key } = this.data;
    const order = await this.api.post(
      '/api/orders',
      {
        items: items.map(({ productId, quantity }) => ({ productId, quantity })),
        address,
        invoiceTitle,
        remark: remark.trim() || undefined,
      },
      key,
    );
    this.phone.basket = [];
    this.wx.redirectTo({ url: `/pages/order/order?orderId=${order.orderId}&pay=1` });
  },

  view() {
    const { items, address, invoiceTitle, remark } = this.data;
    const total = items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
    return [
      card(
        cell({
          mark: 'pin',
          text: address
            ? `${address.userName}　${address.telNumber}`
            : t('选择收货地址（可不填）', 'Choose an address (optional)'),
          onclick: this.tap(() => this.chooseAddress()),
        }),
        address &&
          h(
            'p',
            { class: 'cell-note' },
            [address.provinceName, address.cityName, address.countyName, address.detailInfo].join(''),
          ),
      ),
      card(
        items.map((item) =>
          h(
            'div',
            { class: 'line' },
            productPicture(item),
            h('span', { class: 'line-name' }, item.name),
            h('span', { class: 'line-count' }, `×${item.quantity}`),
            h('span', {}, yuan(item.price * item.quantity)),
          ),
        ),
      ),
      card(
        cell({
          mark: 'bill',
          text: t('发票抬头', 'Invoice'),
          value: invoiceTitle?.title ?? t('不开发票', 'None'),
          onclick: this.tap(() => this.chooseInvoiceTitle()),
        }),
        h(
          'label',
          { class: 'cell' },
          h('span', { class: 'cell-text' }, t('备注', 'Remark')),
          h('input', {
            class: 'cell-input',
            maxlength: '200',
            placeholder: t('想对小店说什么', 'Anything the shop should know'),
            value: remark,
            oninput: ({ target }) => this.change({ remark: target.value }),
          }),
        ),
      ),
      h(
        'div',
        { class: 'bottom-bar' },
        h('div', { class: 'bottom-total' }, h('small', {}, t('合计', 'Total')), h('strong', {}, yuan(total))),
        button(
          t('提交订单', 'Place the order'),
          this.tap(() => this.submit()),
          'green',
          { disabled: items.length === 0 },
        ),
      ),
    ];
  },
});
