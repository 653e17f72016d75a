import { h } from './dom.js';
import { t } from './i18n.js';
import { Page } from './page.js';
import { button, card, empty } from './parts.js';

export default Page({
  data: { offered: [], owned: [], isStaff: false, code: '', verified: undefined },

  title: () => t('卡券', 'Cards'),

  async onLoad() {
    await this.refresh();
  },

  async refresh() {
    const [{ cardList: offered }, { cardList: owned }, { user }] = await Promise.all(
      ['/api/cards', '/api/user/cards', '/api/user'].map((path) => this.api.get(path)),
    );
    this.setData({ offered, owned, isStaff: user.role === 'staff' });
  },

  async add(offer) {
    const { cardList } = await this.wx.addCard({ cardList: [offer] });
    await this.api.post('/api/cards/report', { addedCards: cardList });
    await this.refresh();
  },

  /** A member card is made by WeChat's form. What it gives back comes to App.onShow on a real phone, and here with the call. */
  async activate({ cardId }) {
    const { appId, extraData } = await this.api.get(`/api/cards/member/activation?cardId=${encodeURIComponent(cardId)}`);
    const { extraData: filled } = await this.wx.navigateToMiniProgram({ appId, extraData });
    const { membershipNumber } = await this.api.post('/api/cards/member/activate', {
      activateTicket: filled.activate_ticket,
      cardId: filled.card_id,
      code: filled.code,
    });
    this.wx.showToast({ title: t(`会员号 ${membershipNumber}`, `Member ${membershipNumber}`) });
    await this.refresh();
  },

  async open(owned) {
    await this.wx.openCard({ cardList: [owned] });
    this.wx.showToast({ title: t('已打开卡券', 'The card is open') });
  },

  async verify() {
    const { message, cardInfo } = await this.api.post('/api/cards/verify', { code: this.data.code.trim() });
    this.setData({ verified: `${message}：${cardInfo.code}` });
  },

  view() {
    const { offered, owned, isStaff, code, verified } = this.data;
    return [
      card(
        h('h2', { class: 'card-title' }, t('可以领取', 'To take')),
        h(
          'ul',
          { class: 'coupons' },
          offered.map((offer) =>
            h(
              'li',
              { class: 'coupon' },
              h('span', {}, cardName(offer.cardId), h('small', {}, offer.cardId)),
              this.offerButton(offer),
            ),
          ),
        ),
      ),
      card(
        h('h2', { class: 'card-title' }, t('我的卡券', 'Mine')),
        owned.length === 0 && empty('card', t('还没有卡券', 'No cards yet')),
        h(
          'ul',
          { class: 'coupons' },
          owned.map((mine) =>
            h(
              'li',
              { class: 'coupon' },
              h('span', {}, cardName(mine.cardId), h('small', {}, mine.code)),
              button(
                t('打开', 'Open'),
                this.tap(() => this.open(mine)),
                'plain small',
              ),
            ),
          ),
        ),
      ),
      isStaff &&
        card(
          h('h2', { class: 'card-title' }, t('核销（店员）', 'Consume a card (staff)')),
          h('input', {
            class: 'field',
            'aria-label': t('券码', 'Code of the card'),
            value: code,
            oninput: ({ target }) => this.setData({ code: target.value }),
          }),
          verified && h('p', { class: 'note', role: 'status' }, verified),
          button(
            t('核销', 'Consume'),
            this.tap(() => this.verify()),
            'green wide',
            { disabled: code.trim() === '' },
          ),
        ),
    ];
  },

  offerButton(offer) {
    if (isMember(offer.cardId))
      return button(
        t('开卡', 'Join'),
        this.tap(() => this.activate(offer)),
        'green small',
      );
    return button(
      t('领取', 'Take'),
      this.tap(() => this.add(offer)),
      'green small',
    );
  },
});

const isMember = (cardId) => cardId.includes('Member');

/** The local world's cards by what their ids say. */
function cardName(cardId) {
  if (isMember(cardId)) return t('会员卡', 'Member card');
  if (cardId.includes('Cash')) return t('代金券', 'Cash coupon');
  return t('优惠券', 'Coupon');
}
