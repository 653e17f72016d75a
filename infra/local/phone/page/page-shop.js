import { h } from './dom.js';
import { icon } from './icons.js';
import { t, yuan } from './i18n.js';
import { Page } from './page.js';
import { button, empty, productPicture } from './parts.js';

export default Page({
  data: { products: undefined, quantities: {} },

  title: () => t('本地小店', 'Local shop'),

  async onLoad() {
    const { products } = await this.api.get('/api/products');
    this.setData({ products });
  },

  add(productId, number) {
    const { products, quantities } = this.data;
    const { maxPerOrder = 99 } = products.find((product) => product.productId === productId);
    const quantity = Math.min(maxPerOrder, Math.max(0, (quantities[productId] ?? 0) + number));
    this.setData({ quantities: { ...quantities, [productId]: quantity } });
  },

  items() {
    return (this.data.products ?? [])
      .filter(({ productId }) => this.data.quantities[productId] > 0)
      .map((product) => ({ ...product, quantity: this.data.quantities[product.productId] }));
  },

  checkout() {
    this.phone.basket = this.items();
    return this.wx.navigateTo({ url: '/pages/checkout/checkout' });
  },

  view() {
    const { products } = this.data;
    const items = this.items();
    const count = items.reduce((sum, { quantity }) => sum + quantity, 0);
    const total = items.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
    return [
      h(
        'div',
        { class: 'shop-banner' },
        h('strong', {}, t('欢迎光临', 'Welcome')),
        h('span', {}, t('价格由后端决定，付款以后端收到的结果为准', 'The back end sets the prices and decides what is paid')),
      ),
      products?.length === 0 && empty('bag', t('还没有商品', 'No products yet')),
      h(
        'ul',
        { class: 'products' },
        (products ?? []).map((product) => this.product(product)),
      ),
      !products &&
        !this.isBusy() &&
        button(
          t('再试一次', 'Try again'),
          this.tap(() => this.onLoad()),
          'plain',
        ),
      h(
        'div',
        { class: 'bottom-bar' },
        h('div', { class: 'bottom-total' }, h('small', {}, t(`共 ${count} 件`, `${count} items`)), h('strong', {}, yuan(total))),
        button(
          t('去结算', 'Check out'),
          this.tap(() => this.checkout()),
          'green',
          { disabled: count === 0 },
        ),
      ),
    ];
  },

  product(product) {
    const { productId, name, price } = product;
    const quantity = this.data.quantities[productId] ?? 0;
    return h(
      'li',
      { class: 'product', key: productId },
      productPicture(product),
      h('div', { class: 'product-text' }, h('strong', {}, name), h('span', { class: 'price' }, yuan(price))),
      h(
        'div',
        { class: 'stepper', role: 'group', 'aria-label': name },
        quantity > 0 &&
          h(
            'button',
            {
              type: 'button',
              key: 'less',
              'aria-label': t(`少一件${name}`, `One ${name} less`),
              onclick: () => this.add(productId, -1),
            },
            icon('minus'),
          ),
        quantity > 0 && h('output', { key: 'count' }, quantity),
        h(
          'button',
          {
            type: 'button',
            key: 'more',
            class: 'stepper-add',
            'aria-label': t(`加一件${name}`, `One more ${name}`),
            onclick: () => this.add(productId, 1),
          },
          icon('plus'),
        ),
      ),
    );
  },
});
