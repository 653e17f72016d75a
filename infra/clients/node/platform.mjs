// WeChat's open platform with co-wechat-api: login, messages, codes, and a card from the phone to its consumption.
import WechatAPI from 'co-wechat-api';
import { account, control, equal, run, world } from './world.mjs';

/** The client as it is, at another address. */
class Client extends WechatAPI {
  request(url, ...more) { return super.request(url.replace('https://api.weixin.qq.com', world.url), ...more); }
}

const mini = new Client(account.app_id, account.app_secret);
const official = new Client(account.official_app_id, account.official_app_secret);
const user = await control('users', { nickName: '小明' });
const phone = (api, more) => control(`wx/${api}`, { openid: user.openid, ...more });

await run('node co-wechat-api, platform', {
  'access token': async () => equal((await mini.getAccessToken()).accessToken.length > 100, true),
  login: async () => equal((await mini.code2Session((await phone('login')).code)).openid, user.openid),
  'subscribe message': async () => {
    const { accessToken } = await mini.ensureAccessToken();
    const chosen = { tid: '1221', kidList: [1, 2, 4], sceneDesc: '付款后' };
    const body = { method: 'POST', data: JSON.stringify(chosen), headers: { 'content-type': 'application/json' } };
    const { priTmplId } = await mini.request(`${world.url}/wxaapi/newtmpl/addtemplate?access_token=${accessToken}`, body);
    await phone('requestSubscribeMessage', { tmplIds: [priTmplId] });
    const data = { character_string1: { value: 'A1' }, amount2: { value: '¥4.00' }, thing4: { value: '矿泉水' } };
    await mini.sendSubscribeMessage(user.openid, priTmplId, 'pages/index/index', data);
    equal((await control('messages')).messages.at(-1).openid, user.openid);
  },
  'codes of pages': async () => {
    const pictures = [
      await mini.getWXACode('pages/index/index?a=1'), await mini.getWXACodeUnlimit('a=1', 'pages/index/index'),
      await mini.createWXAQRCode('pages/index/index?a=1'),
    ];
    for (const picture of pictures) equal(picture.subarray(0, 3).toString('hex'), 'ffd8ff');
  },
  cards: async () => {
    const { card_id: cardId } = await control('cards', { title: '代金券' });
    equal((await official.getCards(0, 50)).card_id_list.includes(cardId), true);
    equal((await official.getCard(cardId)).card.card_type, 'CASH');
    const cardExt = JSON.stringify(await official.getCardExt({ card_id: cardId }));
    const { cardList: [added] } = await phone('addCard', { cardList: [{ cardId, cardExt }] });
    const { code } = await official.decryptCode(added.code);
    equal((await official.getCode(code, cardId)).can_consume, true);
    equal((await official.consumeCode(code, cardId)).card.card_id, cardId);
    const again = await official.consumeCode(code, cardId).catch((error) => error);
    equal(again.code, 40099);
  },
  'a refusal': async () => {
    const refused = await mini.code2Session('never-given').catch((error) => error);
    equal(refused.code, 40029);
  },
});
