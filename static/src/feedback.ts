// <ts-feedback request-id="…"> (or message-id, conversation-id): two buttons that rate an answer.
//
// Works on its own in any page: <script src="http://HOST/static/feedback.js"></script>. The server
// is where this script came from; the attribute `server` names another. Pressing a chosen button
// again takes the vote back. After the server has stored it, `feedback` is fired with
// detail {requestId, rating, previousRating}; a failed vote is undone and announced.

const from =
  document.currentScript instanceof HTMLScriptElement
    ? document.currentScript.src
    : document.querySelector<HTMLScriptElement>('script[src*="/static/feedback.js"]')?.src;
const home = new URL('..', from ?? `${location.origin}/static/feedback.js`);

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host{display:inline-flex;align-items:center;gap:.25rem;font:inherit;color:inherit}
button{display:inline-flex;align-items:center;gap:.35rem;min-width:28px;min-height:28px;padding:.2rem .5rem;font:inherit;font-size:.875em;color:inherit;background:transparent;border:1px solid currentColor;border-radius:4px;cursor:pointer;opacity:.85}
button:hover{opacity:1}
button:focus-visible{outline:2px solid currentColor;outline-offset:2px}
button[aria-pressed=true]{opacity:1;font-weight:600;text-decoration:underline;text-underline-offset:.2em;box-shadow:inset 0 0 0 1px currentColor}
output{font-size:.875em}
`);

type Rating = -1 | 0 | 1;
const IDS = {
  'request-id': 'requestId',
  'message-id': 'messageId',
  'conversation-id': 'conversationId',
} as const;

class Feedback extends HTMLElement {
  #rating: Rating = 0;
  #said = document.createElement('output');
  #buttons: [Rating, HTMLButtonElement][] = [
    [1, this.#button('▲', 'Good answer', 1)],
    [-1, this.#button('▼', 'Bad answer', -1)],
  ];

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheet];
    root.append(...this.#buttons.map(([, b]) => b), this.#said);
  }

  get rating(): Rating {
    return this.#rating;
  }

  #button(icon: string, text: string, rating: Rating): HTMLButtonElement {
    const button = document.createElement('button');
    const mark = document.createElement('span');
    mark.setAttribute('aria-hidden', 'true');
    mark.textContent = icon;
    button.type = 'button';
    button.setAttribute('aria-pressed', 'false');
    button.append(mark, text);
    button.addEventListener('click', () => void this.#vote(this.#rating === rating ? 0 : rating));
    return button;
  }

  #show(rating: Rating): void {
    this.#rating = rating;
    for (const [value, button] of this.#buttons)
      button.setAttribute('aria-pressed', String(value === rating));
  }

  // Shown at once, taken back when the server does not store it.
  async #vote(rating: Rating): Promise<void> {
    const before = this.#rating;
    const name = Object.keys(IDS).find((id) => this.hasAttribute(id)) as keyof typeof IDS | undefined;
    this.#show(rating);
    this.#said.textContent = '';
    try {
      if (!name) throw new Error('no id');
      const server = this.getAttribute('server');
      const base = server === null ? home : new URL(`${server.replace(/\/$/, '')}/`, location.href);
      const response = await fetch(new URL('api/analytics/models/feedback', base), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ [IDS[name]]: this.getAttribute(name), rating }),
      });
      if (!response.ok) throw new Error(String(response.status));
      this.#said.textContent = rating === 0 ? 'Vote taken back' : 'Thank you';
      const detail: unknown = await response.json();
      this.dispatchEvent(new CustomEvent('feedback', { detail, bubbles: true, composed: true }));
    } catch {
      this.#show(before);
      this.#said.textContent = 'Not stored. Try again.';
    }
  }
}

if (!customElements.get('ts-feedback')) customElements.define('ts-feedback', Feedback);
