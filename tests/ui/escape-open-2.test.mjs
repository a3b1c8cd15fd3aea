// The pages of escape-cases.mjs as any server would give them.
import { SECOND, letOut } from './escape.mjs';

letOut(SECOND);
