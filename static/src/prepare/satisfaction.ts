// Votes, for the donut.

import type { Analytics } from '../api';
import * as fmt from '../fmt';
import { wilson } from './interval';
import { finished } from './summary';

export interface Donut {
  up: number; // share of the ring, 0 to 1
  votes: number;
  centre: string;
  under: string;
  legend: { tone: 'ok' | 'bad'; label: string; value: string }[];
  rated: string;
  summary: string;
  table: { head: string[]; rows: string[][] };
}

export function satisfaction(a: Analytics): Donut {
  const { up, down } = a.summary.ratings;
  const votes = up + down;
  const done = finished(a.summary);
  const sure = wilson(up, votes);
  return {
    up: votes > 0 ? up / votes : 0,
    votes,
    centre: fmt.share(up, votes),
    under: votes > 0 ? `of ${fmt.plural(votes, 'vote')}` : 'no votes yet',
    legend: [
      { tone: 'ok', label: 'Good answer', value: fmt.exact(up) },
      { tone: 'bad', label: 'Bad answer', value: fmt.exact(down) },
    ],
    rated:
      votes > 0
        ? `${fmt.percent((100 * votes) / Math.max(1, done))} of the calls were rated. 95 % interval ${fmt.span(sure.low, sure.high)}.`
        : 'Put <ts-feedback> beside your answers, or POST to the feedback route.',
    summary:
      votes > 0
        ? `${fmt.share(up, votes)} of ${fmt.plural(votes, 'vote')} called the answer good.`
        : 'No answer has been rated.',
    table: {
      head: ['Model', 'Good', 'Bad', 'Satisfaction'],
      rows: a.byModel
        .filter((m) => m.ratings.up + m.ratings.down > 0)
        .map((m) => [
          m.model,
          fmt.exact(m.ratings.up),
          fmt.exact(m.ratings.down),
          fmt.share(m.ratings.up, m.ratings.up + m.ratings.down),
        ]),
    },
  };
}
