// WeChat's open platform with co-wechat-api: login, messages, codes, and a card from the phone to its consumption.
import WechatAPI from 'co-wechat-api';
import { account, control, expectEqual, run, simulator } from './simulator.mjs';

/** The client, sent to the simulator. */
class Client extends WechatAPI {
  request(url, ...more) { return super.request(url.replace('https://api.weixin.qq.com', simulator.url), ...more); }
}

const mini = new Client(account.app_id, account.app_secret);
const official = new Client(account.official_app_id, account.official_app_secret);
const user = await control('users', { nickName: '小明' });
const phone = (api, more) => control(`wx/${api}`, { openid: user.openid, ...more });

await run('node co-wechat-api, platform', {
  'access token': async () => expectEqual((await mini.getAccessToken()).accessToken.length > 100, true),
  login: async () => expectEqual((await mini.code2Session((await phone('login')).code)).openid, user.openid),
  'subscribe message': async () => {
    const { accessToken } = await mini.ensureAccessToken();
    const template = { tid: '1221', kidList: [1, 2, 4], sceneDesc: '付款后' };
    const body = { method: 'POST', data: JSON.stringify(template), headers: { 'content-type': 'application/json' } };
    const { priTmplId } = await mini.request(`${simulator.url}/wxaapi/newtmpl/addtemplate?access_token=${accessToken}`, body);
    await phone('requestSubscribeMessage', { tmplIds: [priTmplId] });
    const data = { character_string1: { value: 'A1' }, amount2: { value: '¥4.00' }, thing4: { value: '矿泉水' } };
    await mini.sendSubscribeMessage(user.openid, priTmplId, 'pages/index/index', data);
    expectEqual((await control('messages')).messages.at(-1).openid, user.openid);
  },
  'codes of pages': async () => {
    const pictures = [
      await mini.getWXACode('pages/index/index?a=1'), await mini.getWXACodeUnlimit('a=1', 'pages/index/index'),
      await mini.createWXAQRCode('pages/index/index?a=1'),
    ];
    for (const picture of pictures) expectEqual(picture.subarray(0, 3).toString('hex'), 'ffd8ff');
  },
  cards: async () => {
    const { card_id: cardId } = await control('cards', { title: '代金券' });
    expectEqual((await official.getCards(0, 50)).card_id_list.includes(cardId), true);
    expectEqual((await official.getCard(cardId)).card.card_type, 'CASH');
    const cardExt = JSON.stringify(await official.getCardExt({ card_id: cardId }));
    const { cardList: [added] } = await phone('addCard', { cardList: [{ cardId, cardExt }] });
    const { code } = await official.decryptCode(added.code);
    expectEqual((await official.getCode(code, cardId)).can_consume, true);
    expectEqual((await official.consumeCode(code, cardId)).card.card_id, cardId);
    const again = await official.consumeCode(code, cardId).catch((error) => error);
    expectEqual(again.code, 40099);
  },
  'an error': async () => {
    const error = await mini.code2Session('never-given').catch((error) => error);
    expectEqual(error.code, 40029);
  },
});
