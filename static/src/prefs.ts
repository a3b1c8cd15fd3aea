// Choices that belong to the reader and not to the address: theme, time zone, live, keys, colours.

export interface Prefs {
  theme: 'dark' | 'light';
  zone: 'browser' | 'utc';
  live: boolean;
  keys: boolean; // single-key shortcuts
}

const read = (name: string): string | null => {
  try {
    return localStorage.getItem(`ts-${name}`);
  } catch {
    return null;
  }
};

/** Storage may be full or switched off; then the choice lasts as long as the page. */
export const remember = (name: string, value: string): void => {
  try {
    localStorage.setItem(`ts-${name}`, value);
  } catch {
    return;
  }
};

export function loadPrefs(): Prefs {
  return {
    theme: read('theme') === 'light' ? 'light' : 'dark',
    zone: read('zone') === 'utc' ? 'utc' : 'browser',
    live: read('live') !== 'off',
    keys: read('keys') !== 'off',
  };
}

/** Keeps them, and shows the theme. */
export function savePrefs(prefs: Prefs): void {
  remember('theme', prefs.theme);
  remember('zone', prefs.zone);
  remember('live', prefs.live ? 'on' : 'off');
  remember('keys', prefs.keys ? 'on' : 'off');
  document.documentElement.dataset.theme = prefs.theme;
}

export const zoneName = (prefs: Prefs): string =>
  prefs.zone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** Slots of the models' colours, in the order of their first sight. */
export function loadColours(): string[] {
  try {
    const list: unknown = JSON.parse(read('colours') ?? '[]');
    return Array.isArray(list) ? list.filter((x): x is string => typeof x === 'string') : [];
  } catch {
    return [];
  }
}
