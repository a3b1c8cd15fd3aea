// Undoes what a test set up, last first, all of it even if one step fails; the first failure counts.
const stacks = new WeakMap();

export function cleanup(t, undo) {
  if (!stacks.has(t)) {
    const stack = [];
    stacks.set(t, stack);
    t.after(async () => {
      let failure;
      for (const step of stack.reverse()) {
        try {
          await step();
        } catch (error) {
          failure ??= error;
        }
      }
      if (failure) throw failure;
    });
  }
  stacks.get(t).push(undo);
}
