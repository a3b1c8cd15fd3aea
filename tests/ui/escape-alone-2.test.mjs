// The pages of escape-cases.mjs as the preview's address gives them, without a frame around it.
import { SECOND, holdIn } from './escape.mjs';

holdIn('opened by itself', (base, id) => `${base}/api/clones/${id}/preview`, SECOND);
