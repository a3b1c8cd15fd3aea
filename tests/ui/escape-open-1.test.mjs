// The pages of escape-cases.mjs as any server would give them.
import { FIRST, letOut } from './escape.mjs';

letOut(FIRST);
