// The list of clone attempts with what they add up to.

import type { AttemptPage, CloneFigures } from '../clones-api';
import type { CloneState } from '../clones-state';
import { monthBars } from '../charts/months';
import { type Child, h, place } from '../dom';
import { type Choose, drawGrid, type GridView, noAttempts } from '../parts/attempts';
import { drawCards } from '../parts/cards';
import { drawBenchmarks, drawCloneModels } from '../parts/clone-tables';
import { card, figure, plainTable } from '../parts/figure';
import * as prepare from '../prepare/clones';

export interface ClonesView {
  figures: CloneFigures;
  page: AttemptPage;
  state: CloneState;
  slots: string[];
  zone: string;
  now: number;
}

type Plain = { head: string[]; rows: string[][] };

// The skeleton: made once, so that focus and scrolling survive every refresh.
function skeleton() {
  const lead = h('p', { class: 'lead' });
  const kpis = h('dl', { class: 'kpis' });
  const samples = h('div', { class: 'samples' });
  const grid = card('grid', 'Attempts');
  const models = card('models', 'By model');
  const months = figure('bymonth', 'By month');
  const providers = card('byprovider', 'By provider');
  const complexity = card('bysize', 'By the size of the website');
  const benchmarks = card('benchmarks', 'Benchmarks');
  const cells = [grid, models, months, complexity, providers, benchmarks].map((c) => c.root);
  const root = h('div', { class: 'overview clones' }, h('h1', {}, 'Clones'), lead, kpis, samples, ...cells);
  return { root, lead, kpis, samples, grid, models, months, providers, complexity, benchmarks };
}

export function createClones(actions: { choose: Choose; removeSamples(): void }): {
  root: HTMLElement;
  update(view: ClonesView): void;
} {
  const page = skeleton();
  const table = (name: string) => (t: Plain): Child[] => [plainTable(name, t)];
  const put = {
    cards: place(page.kpis, drawCards),
    samples: place(page.samples, (n: number): Child[] =>
      n === 0
        ? []
        : [
            h('p', {}, h('b', {}, 'Sample data. '), `${n === 1 ? 'One attempt is' : `${n} attempts are`} made up.`),
            h(
              'button',
              { type: 'button', 'data-key': 'samples', click: actions.removeSamples },
              'Remove the sample data',
            ),
          ],
    ),
    grid: place(
      page.grid.body,
      (v: { grid: GridView; state: CloneState; choices: ReturnType<typeof prepare.filterChoices> }) =>
        v.grid.cards.length > 0
          ? drawGrid(v.grid, actions.choose)
          : noAttempts(v.state, v.choices, actions.choose),
    ),
    models: place(page.models.body, (t: prepare.ModelTable) => drawCloneModels(t, actions.choose)),
    months: place(page.months.plot, monthBars),
    providers: place(page.providers.body, table('By provider')),
    complexity: place(page.complexity.body, table('By the size of the website')),
    benchmarks: place(page.benchmarks.body, drawBenchmarks),
  };

  function update({ figures, page: list, state, slots, zone, now }: ClonesView): void {
    const at = { now, zone };
    const months = prepare.monthChart(figures);
    page.lead.textContent = prepare.cloneHeadline(figures);
    put.cards(prepare.cloneCards(figures));
    put.samples(figures.summary.summary.samples);
    put.grid({
      grid: {
        cards: list.clones.map((a) => prepare.attemptCard(a, slots, at)),
        older: list.nextCursor,
        newest: state.cursor === null,
      },
      state,
      choices: prepare.filterChoices(figures, state),
    });
    put.models(prepare.modelTable(figures, slots, at));
    put.months(months);
    page.months.tell(months.summary, months.table);
    put.providers(prepare.providerTable(figures));
    put.complexity(prepare.complexityTable(figures));
    put.benchmarks(prepare.benchmarkTable(figures, zone));
  }

  return { root: page.root, update };
}
