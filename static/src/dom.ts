// The whole page layer: make elements, and swap content without losing the reader's place.

export type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Attrs = Record<string, Value>;

function fill<E extends Element>(el: E, attrs: Attrs, children: Child[]): E {
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') el.addEventListener(name, value as EventListener);
    else el.setAttribute(name, value === true ? '' : String(value));
  }
  el.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return el;
}

/** An HTML element. A function among the attributes listens to the event of that name. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attrs: Attrs = {}, ...children: Child[]) {
  return fill(document.createElement(tag), attrs, children);
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(tag: K, attrs: Attrs = {}, ...children: Child[]) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attrs, children);
}

/** Replaces the content of host; focus stays on the element with the same data-key. */
export function swap(host: Element, ...children: Child[]): void {
  const active = document.activeElement;
  const key = active && host.contains(active) ? active.getAttribute('data-key') : null;
  const scrolled = host.querySelector('[data-scroll]');
  const [left, top] = [scrolled?.scrollLeft ?? 0, scrolled?.scrollTop ?? 0];
  host.replaceChildren();
  fill(host, {}, children);
  host.querySelector('[data-scroll]')?.scrollTo({ left, top, behavior: 'instant' });
  if (key !== null) {
    const again = [...host.querySelectorAll<HTMLElement>('[data-key]')].find((el) => el.dataset.key === key);
    again?.focus({ preventScroll: true });
  }
}

/** A place that is drawn again only when what it shows has changed. */
export function place<T>(host: Element, draw: (view: T) => Child[]): (view: T, force?: boolean) => void {
  let shown: string | null = null;
  return (view, force = false) => {
    const now = JSON.stringify(view);
    if (now === shown && !force) return;
    shown = now;
    swap(host, ...draw(view));
  };
}
