// The overview: everything about the models on one page.

import type { Analytics } from '../api';
import { donut } from '../charts/donut';
import { dot, dotChart } from '../charts/dots';
import { spark } from '../charts/spark';
import { trendChart } from '../charts/trend';
import { type Child, h, place, s } from '../dom';
import * as fmt from '../fmt';
import { card, figure, segmented } from '../parts/figure';
import { type Insight, insights } from '../prepare/insights';
import { type Metric, responseTimes, successRates } from '../prepare/models';
import { satisfaction } from '../prepare/satisfaction';
import { type Card, cards, headline } from '../prepare/summary';
import { nextSort, table, type TableView } from '../prepare/table';
import { bestByTask, type BestRow, taskTypes, type TaskTable } from '../prepare/tasks';
import { trend } from '../prepare/trend';
import type { State } from '../url-state';

export interface View {
  data: Analytics;
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

const VERDICT_ICON = { recommend: '✓', equivalent: '≈', insufficient: '○' };

function drawCards(list: Card[]): Child[] {
  return list.map((c) =>
    h(
      'div',
      { class: `kpi ${c.tone ?? ''}`, title: c.title },
      h('dt', {}, c.label),
      h('dd', {}, h('b', {}, c.value), h('small', {}, c.note), spark(c.spark)),
    ),
  );
}

export function createOverview(navigate: (patch: Partial<State>) => void): Overview {
  let view: View | null = null;
  let metric: Metric = 'total';
  let asTable: boolean | null = null;

  const lead = h('p', { class: 'lead' });
  const kpis = h('dl', { class: 'kpis' });
  const metricPick = segmented(
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
  const times = figure('times', 'Response time by model', [metricPick.root]);
  const success = figure('success', 'Success rate by model');
  const course = figure('course', 'Response time over time');
  const votes = figure('votes', 'Satisfaction');
  const best = card('best', 'Best model per task');
  const advice = card('advice', 'Insights');
  const tasks = card('tasks', 'Task types');
  const models = card('models', 'All models');
  const chart = trendChart();
  course.plot.append(chart.root);
  const figures = [times, success, course, votes];

  const root = h(
    'div',
    { class: 'overview' },
    h('h1', {}, 'Models'),
    lead,
    kpis,
    times.root,
    success.root,
    course.root,
    votes.root,
    best.root,
    advice.root,
    tasks.root,
    models.root,
  );

  const pick = (patch: Partial<State>, text: string, label: string, key: string) =>
    h(
      'button',
      { type: 'button', class: 'link', title: label, 'data-key': key, click: () => navigate(patch) },
      text,
    );

  function drawBest(rows: BestRow[]): Child[] {
    if (rows.length === 0) return [h('p', { class: 'aside' }, 'No call of this window names a task.')];
    return [
      h(
        'ul',
        { class: 'best' },
        ...rows.map((r) =>
          h(
            'li',
            { class: r.verdict },
            h(
              'span',
              { class: 'task' },
              pick({ task: r.task }, r.label, `Show only ${r.label}`, `best-${r.task}`),
            ),
            h(
              'span',
              { class: 'model' },
              h('span', { class: `swatch ${r.colour}`, 'aria-hidden': 'true' }),
              h('b', { title: r.model }, r.model === null ? fmt.NONE : fmt.short(r.model)),
            ),
            h(
              'span',
              { class: 'verdict' },
              h('span', { 'aria-hidden': 'true' }, VERDICT_ICON[r.verdict]),
              ` ${r.word}`,
              h('small', {}, r.why),
            ),
            h(
              'span',
              { class: 'score', title: 'Quality score, 0 to 100' },
              h('b', {}, r.score),
              h('small', {}, `n = ${r.n}`),
            ),
          ),
        ),
      ),
    ];
  }

  function drawInsights(list: Insight[]): Child[] {
    if (list.length === 0) return [h('p', { class: 'aside' }, 'Nothing stands out in this window.')];
    return [
      h(
        'ul',
        { class: 'insights' },
        ...list.map((i, at) =>
          h(
            'li',
            { class: i.tone },
            h(
              'span',
              { class: 'word' },
              h('span', { 'aria-hidden': 'true' }, i.tone === 'warn' ? '▲ ' : '◆ '),
              i.word,
            ),
            h('p', {}, i.message),
            h(
              'span',
              { class: 'more' },
              i.evidence,
              i.model || i.task
                ? pick(
                    { model: i.model, task: i.task },
                    'Show these calls',
                    `Filter: ${[i.model, i.task].filter(Boolean).join(', ')}`,
                    `insight-${at}`,
                  )
                : null,
            ),
          ),
        ),
      ),
    ];
  }

  function drawTasks(t: TaskTable): Child[] {
    const head = [
      'Task',
      'Calls',
      `Median, p95 (${t.timeAxis})`,
      `Success (${t.successAxis})`,
      'Satisfaction',
      'Tokens per call',
      'Cost',
      'Best model',
    ];
    return [
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Task types', 'data-scroll': true },
        h(
          'table',
          { class: 'tasktable' },
          h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
          h(
            'tbody',
            {},
            ...t.rows.map((r) =>
              h(
                'tr',
                {},
                h(
                  'th',
                  { scope: 'row' },
                  pick({ task: r.task }, r.label, `Show only ${r.label}`, `task-${r.task}`),
                ),
                h('td', { title: r.callsTitle }, h('span', { class: 'bar' }, bar(r.share)), r.calls),
                h(
                  'td',
                  {},
                  r.dot &&
                    h(
                      'span',
                      { class: 'mini' },
                      dot({
                        ...r.dot,
                        from: r.dot.at,
                        provisional: r.provisional,
                        colour: 'sa',
                        ticks: [0, 100],
                      }),
                    ),
                  `${r.median} `,
                  h('small', {}, r.p95),
                ),
                h(
                  'td',
                  {},
                  r.successDot &&
                    h(
                      'span',
                      { class: 'mini' },
                      dot({ ...r.successDot, provisional: r.provisional, colour: 'sok', ticks: [0, 100] }),
                    ),
                  r.success,
                ),
                h('td', {}, r.satisfaction),
                h('td', {}, r.tokens),
                h('td', {}, r.cost),
                h('td', { class: 'text' }, r.best),
              ),
            ),
          ),
        ),
      ),
    ];
  }

  function drawTable(t: TableView): Child[] {
    const head = t.head.map((c) =>
      h(
        'th',
        { scope: 'col', 'aria-sort': c.order },
        h(
          'button',
          {
            type: 'button',
            title: c.title,
            'data-key': `sort-${c.key}`,
            click: () => navigate({ sort: nextSort(view?.state.sort ?? '', c.key) }),
          },
          c.label,
          h(
            'span',
            { class: 'arrow', 'aria-hidden': 'true' },
            c.order === null ? '' : c.order === 'descending' ? ' ▼' : ' ▲',
          ),
        ),
      ),
    );
    const body = t.rows.map((r) =>
      h(
        'tr',
        { class: r.provisional ? 'provisional' : null },
        h(
          'th',
          { scope: 'row' },
          h(
            'span',
            { class: 'who' },
            h('span', { class: `swatch ${r.colour}`, 'aria-hidden': 'true' }),
            pick({ model: r.model }, r.model, `Show only ${r.model}`, `model-${r.id}`),
          ),
          h('small', {}, r.provider, r.provisional ? ' · provisional' : ''),
        ),
        ...r.cells.slice(1).map((c) => h('td', {}, c)),
      ),
    );
    return [
      h(
        'div',
        { class: 'scroll tall', tabindex: 0, role: 'group', 'aria-label': 'All models', 'data-scroll': true },
        h(
          'table',
          { class: 'perf' },
          h('thead', {}, h('tr', {}, ...head)),
          h('tbody', {}, ...body),
          h(
            'tfoot',
            {},
            h('tr', {}, ...t.total.map((c, i) => (i === 0 ? h('th', { scope: 'row' }, c) : h('td', {}, c)))),
          ),
        ),
      ),
      t.rows.some((r) => r.provisional)
        ? h('p', { class: 'aside' }, 'Provisional: fewer than 20 finished calls; rates are shown as counts.')
        : null,
    ];
  }

  const putCards = place<Card[]>(kpis, drawCards);
  const putTimes = place<ReturnType<typeof responseTimes>>(times.plot, dotChart);
  const putSuccess = place<ReturnType<typeof successRates>>(success.plot, dotChart);
  const putVotes = place<ReturnType<typeof satisfaction>>(votes.plot, donut);
  const putBest = place<BestRow[]>(best.body, drawBest);
  const putInsights = place<Insight[]>(advice.body, drawInsights);
  const putTasks = place<TaskTable>(tasks.body, drawTasks);
  const putTable = place<TableView>(models.body, drawTable);

  function update(next: View): void {
    view = next;
    const { data, state, slots, zone, now } = next;
    lead.textContent = headline(data, state.range);
    putCards(cards(data));
    metricPick.set(metric);
    const t = responseTimes(data.byModel, metric, slots);
    putTimes(t);
    times.tell(t.summary, t.table);
    const r = successRates(data.byModel, slots);
    putSuccess(r);
    success.tell(r.summary, r.table);
    const c = trend(data, zone);
    chart.update(c);
    course.tell(c.summary, c.table);
    const v = satisfaction(data);
    putVotes(v);
    votes.tell(v.summary, v.table);
    putBest(bestByTask(data, slots));
    putInsights(insights(data));
    putTasks(taskTypes(data));
    putTable(table(data, state.sort, slots, { now, zone }));
    // The address decides for all figures at once; until it changes, each may be switched alone.
    if (asTable !== (state.view === 'table')) {
      asTable = state.view === 'table';
      for (const f of figures) f.show(asTable);
    }
  }

  return { root, update, recolour: () => chart.recolour() };
}

function bar(share: number): SVGElement {
  return s(
    'svg',
    { height: 8, 'aria-hidden': 'true', focusable: 'false' },
    s('rect', { width: `${Math.max(1, share)}%`, height: 8, rx: 1 }),
  );
}
