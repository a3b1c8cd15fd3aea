// The overview: everything about the models on one page. It puts the parts together; what they
// show is decided in prepare/, how they look in parts/ and charts/.

import type { Analytics } from '../api';
import { donut } from '../charts/donut';
import { dotChart } from '../charts/dots';
import { trendChart } from '../charts/trend';
import { h, place } from '../dom';
import { drawBest } from '../parts/best';
import { drawCards } from '../parts/cards';
import { card, figure, segmented } from '../parts/figure';
import { drawInsights } from '../parts/insights';
import { drawTable } from '../parts/models';
import type { Navigate } from '../parts/pick';
import { drawTasks } from '../parts/tasks';
import { insights } from '../prepare/insights';
import { type Metric, responseTimes, successRates } from '../prepare/models';
import { satisfaction } from '../prepare/satisfaction';
import { cards, headline } from '../prepare/summary';
import { table } from '../prepare/table';
import { bestByTask, taskTypes } from '../prepare/tasks';
import { trend } from '../prepare/trend';
import type { Range, State } from '../url-state';

export interface View {
  data: Analytics;
  range: Range; // of data
  state: State;
  slots: string[];
  zone: string;
  now: number;
}

export interface Overview {
  root: HTMLElement;
  update(view: View): void;
  recolour(): void;
}

// The skeleton: made once, so that focus and scrolling survive every refresh.
function skeleton(metricPick: HTMLElement) {
  const lead = h('p', { class: 'lead' });
  const kpis = h('dl', { class: 'kpis' });
  const times = figure('times', 'Response time by model', [metricPick]);
  const success = figure('success', 'Success rate by model');
  const course = figure('course', 'Response time over time');
  const votes = figure('votes', 'Satisfaction');
  const best = card('best', 'Best model per task');
  const advice = card('advice', 'Insights');
  const tasks = card('tasks', 'Task types');
  const models = card('models', 'All models');
  const cells = [times, success, course, votes, best, advice, tasks, models].map((c) => c.root);
  const root = h('div', { class: 'overview' }, h('h1', {}, 'Models'), lead, kpis, ...cells);
  return { root, lead, kpis, times, success, course, votes, best, advice, tasks, models };
}

export function createOverview(navigate: Navigate): Overview {
  let view: View | null = null;
  let metric: Metric = 'total';
  let asTable: boolean | null = null;

  const metrics = segmented(
    'Which time',
    [
      { value: 'total', text: 'Total', title: 'From the request to the last byte' },
      { value: 'ttft', text: 'First token', title: 'From the request to the first token of content' },
    ],
    (value) => {
      metric = value === 'ttft' ? 'ttft' : 'total';
      if (view) update(view);
    },
  );
  const page = skeleton(metrics.root);
  const chart = trendChart();
  page.course.plot.append(chart.root);

  const put = {
    cards: place(page.kpis, drawCards),
    times: place(page.times.plot, dotChart),
    success: place(page.success.plot, dotChart),
    votes: place(page.votes.plot, donut),
    best: place(page.best.body, (rows: ReturnType<typeof bestByTask>) => drawBest(rows, navigate)),
    advice: place(page.advice.body, (list: ReturnType<typeof insights>) => drawInsights(list, navigate)),
    tasks: place(page.tasks.body, (t: ReturnType<typeof taskTypes>) => drawTasks(t, navigate)),
    models: place(page.models.body, (t: ReturnType<typeof table>) => drawTable(t, navigate)),
  };

  function updateFigures({ data, slots, zone }: View): void {
    const times = responseTimes(data.byModel, metric, slots);
    const success = successRates(data.byModel, slots);
    const course = trend(data, zone);
    const votes = satisfaction(data);
    put.times(times);
    put.success(success);
    put.votes(votes);
    chart.update(course);
    page.times.tell(times.summary, times.table);
    page.success.tell(success.summary, success.table);
    page.course.tell(course.summary, course.table);
    page.votes.tell(votes.summary, votes.table);
  }

  // The address decides for all figures at once; until it changes, each may be switched alone.
  function followAddress(view: State['view']): void {
    if (asTable === (view === 'table')) return;
    asTable = view === 'table';
    for (const f of [page.times, page.success, page.course, page.votes]) f.show(asTable);
  }

  function update(next: View): void {
    view = next;
    const { data, range, state, slots, zone, now } = next;
    page.lead.textContent = headline(data, range);
    metrics.set(metric);
    put.cards(cards(data));
    updateFigures(next);
    put.best(bestByTask(data, slots));
    put.advice(insights(data));
    put.tasks(taskTypes(data));
    put.models(table(data, state.sort, slots, { now, zone }));
    followAddress(state.view);
  }

  return { root: page.root, update, recolour: () => chart.recolour() };
}
