// The pages of escape-cases.mjs in the dashboard's frame.
import { SECOND, holdIn } from './escape.mjs';

holdIn('in the dashboard', (base, id) => `${base}/analytics/clones/${id}`, SECOND);
