// Single-key shortcuts: one letter, or "g" and then another one.

const SEQUENCE_MS = 1500;

/** Listens until the page goes. `enabled` is asked at each key: shortcuts can be switched off. */
export function listenKeys(enabled: () => boolean, act: Record<string, () => void>): void {
  let began = -SEQUENCE_MS; // when "g" was pressed
  document.addEventListener('keydown', (event) => {
    const target = event.target as HTMLElement;
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest('input, select, textarea, dialog')) return;
    const inSequence = event.timeStamp - began < SEQUENCE_MS;
    began = event.key === 'g' && !inSequence ? event.timeStamp : -SEQUENCE_MS;
    const found = act[inSequence ? `g ${event.key}` : event.key];
    if (!found) return;
    event.preventDefault();
    found();
  });
}
