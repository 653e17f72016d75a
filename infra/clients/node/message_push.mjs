// The package wechat-crypto reads what the simulator pushes, and pushes what the back end takes.
import { createServer } from 'node:http';
import WXBizMsgCrypt from 'wechat-crypto';
import { account, control, expectEqual, newNumber, run, simulator } from './simulator.mjs';

const { token, encoding_aes_key: key } = account.message_push;
const crypt = new WXBizMsgCrypt(token, key, account.app_id);
const user = await control('users', { nickName: '小明' });

/** Pushes an event to an address of this program; returns the query and the body that arrive. */
async function pushed(settings, message) {
  let arrive;
  const arrived = new Promise((take) => { arrive = take; });
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end('success');
    arrive({ query: new URL(request.url, 'http://x').searchParams, body: Buffer.concat(chunks).toString() });
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  await control('push/settings', { url: `http://127.0.0.1:${server.address().port}/callback`, ...settings }, 'PUT');
  await control('push', { openid: user.openid, ...message });
  const push = await arrived;
  server.close();
  return push;
}

/** The message in an envelope, after its signature and its appid are checked. */
function open({ query, body }, encrypted) {
  expectEqual(crypt.getSignature(query.get('timestamp'), query.get('nonce'), encrypted), query.get('msg_signature'));
  const { message, id } = crypt.decrypt(encrypted);
  expectEqual(id, account.app_id);
  return message;
}

/** Sends a message in the package's envelope to the back end. */
async function send(message, form) {
  const [timestamp, nonce, encrypted] = [`${Math.floor(Date.now() / 1000)}`, newNumber(''), crypt.encrypt(message)];
  const query = new URLSearchParams({
    signature: crypt.getSignature(timestamp, nonce, ''), timestamp, nonce, openid: user.openid, encrypt_type: 'aes',
    msg_signature: crypt.getSignature(timestamp, nonce, encrypted),
  });
  const body = form === 'xml'
    ? `<xml><ToUserName><![CDATA[gh_a]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`
    : JSON.stringify({ ToUserName: 'gh_a', Encrypt: encrypted });
  const answer = await fetch(`${simulator.bundle}/api/message/callback?${query}`, { method: 'POST', body });
  return `${answer.status} ${await answer.text()}`;
}

const now = () => Math.floor(Date.now() / 1000);

await run('wechat-crypto', {
  'reads a push in JSON': async () => {
    const push = await pushed({ mode: 'secure', format: 'json' }, { Event: 'debug_demo', debug_str: '你好 <b>&amp;</b>' });
    const message = JSON.parse(open(push, JSON.parse(push.body).Encrypt));
    expectEqual([message.FromUserName, message.Event, message.debug_str], [user.openid, 'debug_demo', '你好 <b>&amp;</b>']);
  },
  'reads a push in XML': async () => {
    const push = await pushed({ mode: 'secure', format: 'xml' }, { Event: 'debug_demo', debug_str: '你好' });
    const message = open(push, /<Encrypt><!\[CDATA\[(.+?)\]\]><\/Encrypt>/.exec(push.body)[1]);
    expectEqual([/<Event><!\[CDATA\[debug_demo\]\]><\/Event>/.test(message), message.includes('你好')], [true, true]);
  },
  'checks a push in plain mode': async () => {
    const { query, body } = await pushed({ mode: 'plain', format: 'json' }, { Event: 'debug_demo', debug_str: 'hello world' });
    expectEqual(crypt.getSignature(query.get('timestamp'), query.get('nonce'), ''), query.get('signature'));
    expectEqual(JSON.parse(body).debug_str, 'hello world');
  },
  'is taken by the back end, and reads its encrypted answer': async () => {
    const event = { ToUserName: 'gh_a', FromUserName: user.openid, CreateTime: now(), MsgType: 'event', Event: 'debug_demo' };
    expectEqual(await send(JSON.stringify(event), 'json'), '200 success');
    const text = `<xml><ToUserName>gh_a</ToUserName><FromUserName>${user.openid}</FromUserName><CreateTime>${now()}</CreateTime>`
      + `<MsgType>text</MsgType><Content><![CDATA[你好]]></Content><MsgId>${newNumber('')}</MsgId></xml>`;
    const answer = await send(text, 'xml');
    const part = (name) => new RegExp(`<${name}>(?:<!\\[CDATA\\[)?([^<\\]]+)`).exec(answer)[1];
    const encrypted = part('Encrypt');
    expectEqual(crypt.getSignature(part('TimeStamp'), part('Nonce'), encrypted), part('MsgSignature'));
    const { message, id } = crypt.decrypt(encrypted);
    expectEqual([id, message.includes('transfer_customer_service'), message.includes(user.openid)], [account.app_id, true, true]);
  },
  'is refused with another token': async () => {
    const other = new WXBizMsgCrypt(`${token}x`, key, account.app_id);
    const [timestamp, nonce, encrypted] = [`${now()}`, newNumber(''), other.encrypt('{"MsgType":"event","Event":"debug_demo"}')];
    const query = new URLSearchParams({ timestamp, nonce, encrypt_type: 'aes', msg_signature: other.getSignature(timestamp, nonce, encrypted) });
    const body = JSON.stringify({ ToUserName: 'gh_a', Encrypt: encrypted });
    expectEqual((await fetch(`${simulator.bundle}/api/message/callback?${query}`, { method: 'POST', body })).status, 403);
  },
});
