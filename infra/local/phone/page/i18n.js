// Chinese, with English as the other language. Both stand side by side where a text is used: t('小店', 'Shop').

const listeners = new Set();
let language = localStorage.getItem('language') ?? 'zh';

export const isEnglish = () => language === 'en';

/** The text in the language that is chosen. What the back end says stays Chinese, because its users read it so. */
export const t = (chinese, english) => (isEnglish() ? english : chinese);

export function setLanguage(next) {
  language = next;
  localStorage.setItem('language', next);
  applyLanguage();
  for (const listener of listeners) listener();
}

/** Calls `listener` whenever another language was chosen. */
export const onLanguage = (listener) => listeners.add(listener);

export function applyLanguage() {
  document.documentElement.lang = isEnglish() ? 'en' : 'zh-CN';
  document.title = t('手机与后端', 'A phone and its back end');
}

/** Fen as yuan: 12800 is ¥128.00. */
export const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;

const two = (number) => String(number).padStart(2, '0');

/** A time of the bundle's clock, in this machine's time zone: 19:33:46. */
export function clockTime(time, withMillis = false) {
  const date = new Date(time);
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return withMillis ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text;
}

/** The same with its day: 2026-11-28 19:33. */
export function dayTime(time) {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
