// The pages of escape-cases.mjs in the dashboard's frame.
import { FIRST, holdIn } from './escape.mjs';

holdIn('in the dashboard', (base, id) => `${base}/analytics/clones/${id}`, FIRST);
