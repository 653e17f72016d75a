import { h } from './dom.js';
import { icon } from './icons.js';
import { t } from './i18n.js';
import { Page } from './page.js';
import { button, card } from './parts.js';

export default Page({
  data: { result: undefined },

  title: () => t('指纹验证', 'Fingerprint'),

  async verify() {
    this.setData({ result: undefined });
    // A challenge of the back end comes first: without it the result could be one of yesterday.
    const { challenge } = await this.api.post('/api/soter/challenge', { purpose: 'open-safe', payload: 'demo' });
    const { resultJSON, resultJSONSignature } = await this.wx.startSoterAuthentication({
      requestAuthModes: ['fingerPrint'],
      challenge,
      authContent: t('打开保险箱', 'Open the safe'),
    });
    const { message, purpose } = await this.api.post('/api/verify-fingerprint', { resultJSON, resultJSONSignature });
    this.setData({ result: `${message}（${purpose}）` });
  },

  view() {
    const { result } = this.data;
    return card(
      h(
        'div',
        { class: 'empty' },
        icon('finger'),
        h(
          'p',
          { role: 'status' },
          result ??
            t('后端给出一次性的挑战，微信验证签名', 'The back end gives a challenge for one use; WeChat verifies the signature'),
        ),
      ),
      button(
        t('验证指纹', 'Verify'),
        this.tap(() => this.verify()),
      ),
    );
  },
});
