// Line icons on a grid of 24, drawn for this page.

import { h } from './dom.js';

const PATHS = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  delete: 'M9 6h11v12H9l-6-6zM12 10l4 4M16 10l-4 4',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  shop: 'M4 9l1.5-5h13L20 9M4 9v11h16V9M4 9c0 3 4 3 4 0 0 3 4 3 4 0 0 3 4 3 4 0 0 3 4 3 4 0M10 20v-5h4v5',
  orders: 'M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6',
  steps: 'M4 19V12M9.3 19V6M14.6 19v-9M20 19V4',
  me: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4.5 20c1-4 4-5.5 7.5-5.5S18.5 16 19.5 20',
  card: 'M3 6h18v12H3zM3 10h18M6.5 14.5h4',
  wallet: 'M4 7h15v12H4zM4 7l11-3v3M15 12.5h4v2h-4z',
  finger:
    'M7 19c1-2 1.5-4.5 1.5-7a3.5 3.5 0 017 0c0 3-.4 5.6-1.200 8M4.5 15c.4-1 .5-2 .5-3a7 7 0 0114 0c0 2-.1 4-.5 6M12 11.5c0 4-.6 6.5-1.6 9',
  group:
    'M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 19c.8-3.6 3.3-5 6.5-5s5.700 1.400 6.5 5M16 4.5a3.5 3.5 0 010 6.3M17.5 14.3c2.200.5 3.5 2 4 4.700',
  chat: 'M4 5h16v11H10l-4.5 4V16H4z',
  moments: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 3v8M21 12h-8M12 21v-8M3 12h8',
  bell: 'M6 16V11a6 6 0 0112 0v5l1.5 2h-15zM10 21h4',
  phone: 'M7 3h10v18H7zM11 18h2',
  plane: 'M3 13l18-8-7 16-2.5-6.5z',
  share: 'M12 15V4M8 7.5L12 4l4 3.5M5 12v8h14v-8',
  pin: 'M12 21s-6.5-6-6.5-11a6.5 6.5 0 0113 0c0 5-6.5 11-6.5 11zM12 12a2.5 2.5 0 100-5 2.5 2.5 0 000 5z',
  bill: 'M5 3h14v18l-2.3-1.5L14.3 21 12 19.5 9.700 21l-2.400-1.5L5 21zM9 8h6M9 12h6M9 16h3',
  service: 'M5 13v-1a7 7 0 0114 0v1M5 13h2.5v5H5zM16.5 13H19v5h-2.5zM19 18c0 2-2 3-5 3',
  water: 'M10 3h4v3l1.5 2v12a1 1 0 01-1 1h-5a1 1 0 01-1-1V8L10 6zM8.5 11h7M8.5 16h7',
  coffee:
    'M5 9h11v6a5 5 0 01-5 5h-1a5 5 0 01-5-5zM16 10.5h1.5a2.5 2.5 0 010 5H16M8.5 3c-.8 1.200.8 1.800 0 3M12 3c-.8 1.200.8 1.800 0 3',
  cake: 'M4 20v-7h16v7zM4 16c2 1.5 3.5 1.5 5.3 0 1.800 1.5 3.6 1.5 5.400 0 1.800 1.5 3.3 1.5 5.3 0M12 13V8M12 5.5c-.9-.8 0-2 0-2.5 0 .5.9 1.700 0 2.5',
  umbrella: 'M3.5 12a8.5 8.5 0 0117 0zM12 3.5V2M12 12v6.5a2.200 2.200 0 01-4.400 0',
  bag: 'M5 8h14l1 13H4zM9 10V6a3 3 0 016 0v4',
  signal: 'M4 19v-3M9.3 19v-6M14.6 19V9M20 19V5',
  target: 'M12 20a8 8 0 100-16 8 8 0 000 16zM12 13.5a1.5 1.5 0 100-3 1.5 1.5 0 000 3z',
  plus: 'M12 6v12M6 12h12',
  minus: 'M6 12h12',
  next: 'M9 5l7 7-7 7',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  down: 'M12 5v14M6 13l6 6 6-6',
  pause: 'M9 5v14M15 5v14',
  play: 'M8 5l11 7-11 7z',
  clear: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
};

/** An icon for the eye. What it means must stand beside it or in the label of its button. */
export function icon(name) {
  return h(
    'svg',
    { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
    h('path', { d: PATHS[name] ?? PATHS.bag }),
  );
}

export const hasIcon = (name) => Object.hasOwn(PATHS, name);
