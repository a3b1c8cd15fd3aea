// A model keeps its colour: slots are given out at first sight and never again to another one.

export const SLOTS = 8;

export const identity = (m: { provider: string; model: string }): string => `${m.provider}/${m.model}`;

/** The slots with newcomers (in their order) appended; the same array when there are none. */
export function assignSlots(known: string[], seen: string[]): string[] {
  const fresh = seen.filter((id, i) => !known.includes(id) && seen.indexOf(id) === i);
  const room = SLOTS - known.length;
  return fresh.length > 0 && room > 0 ? [...known, ...fresh.slice(0, room)] : known;
}

/** CSS class of a model's colour; those without a slot share the neutral one. */
export function colourClass(slots: string[], id: string): string {
  const slot = slots.indexOf(id);
  return slot >= 0 && slot < SLOTS ? `s${slot}` : 'sx';
}
