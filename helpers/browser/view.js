// What is seen of an instrument at one place on a page: its words, its controls, its figure. It moves the
// instrument (instrument.js), and draws what that has become.
import { Data } from './data.js';
import { fill, make, toggle, unique, write } from './dom.js';
import { Figure } from './figure.js';

/** HTML with the w of σ_w below the line; what is read aloud or copied stays as it was. */
const typeset = html => html.replace(/σ_(\w)/g, 'σ<sub><span style="font-size: 0">_</span>$1</sub>');

/** One place on a page where an instrument is seen. */
export class View {
  constructor(instrument, element) {
    const { title, question } = instrument.about;
    this.instrument = instrument;
    this.moves = []; // what brings each control to where the state is
    this.ended = new AbortController();
    this.figure = new Figure(instrument);
    this.data = new Data(this.figure);
    this.controls = this.panel();
    this.root = make('section', { class: 'td-instrument', 'aria-label': title, html: `
      <div class="td-title"></div><p class="td-question">${question}</p>
      <div class="td-goal" role="status"></div>
      <div class="td-body"><div class="td-status">
        <div class="td-verdict"></div><div class="td-readouts"></div><div class="td-note" role="status"></div>
        <div class="td-hidden td-spoken" role="status"></div>
      </div></div>` });
    for (const part of ['title', 'question', 'goal', 'status', 'verdict', 'readouts', 'note', 'spoken']) {
      this[part] = this.root.querySelector(`.td-${part}`);
    }
    this.title.append(title);
    this.status.before(this.figure.root);
    this.sides = this.sideways();
    this.status.prepend(this.sides);
    this.status.after(this.controls);
    this.root.append(this.data.root);
    this.listen();
    element.append(this.root);
    instrument.views.add(this);
    this.draw();
  }

  listen() {
    const { root, instrument, ended: { signal } } = this;
    this.question.addEventListener('click', ({ target }) => (
      target.dataset.set && this.phrase(JSON.parse(target.dataset.set))));
    // Nothing moves under a hand: while it holds a control the words keep their room.
    root.addEventListener('pointerdown', () => this.hold(true));
    for (const over of ['pointerup', 'pointercancel']) {
      window.addEventListener(over, () => this.hold(false), { signal });
    }
    for (const touch of ['pointerdown', 'keydown']) {
      root.addEventListener(touch, event => event.target.closest('.td-play') ?? this.pause(), true);
    }
    // These two are for measurements.
    root.addEventListener('td-forget', () => Object.assign(instrument, { frames: new Map(), size: 0 }));
    root.addEventListener('td-count', () => { root.dataset.frames = instrument.frames.size; });
    // What scrolls sideways must be within reach: of the keyboard, and of a finger, which drags in the figure.
    const figure = this.figure.root;
    this.watch = new ResizeObserver(() => {
      const wide = figure.scrollWidth > figure.clientWidth;
      this.sides.hidden = !wide;
      figure.toggleAttribute('tabindex', false);
      if (wide) figure.tabIndex = 0;
    });
    this.watch.observe(figure);
  }

  remove() {
    this.pause();
    this.data.stop();
    this.instrument.views.delete(this);
    this.watch.disconnect();
    this.ended.abort();
    this.root.remove();
  }

  /** On a narrow screen: what shows the left or the right of the figure. */
  sideways() {
    const figure = this.figure.root, side = (name, where, left) => (
      this.button(name, `The ${where} of the figure`, () => figure.scrollTo({ left: left() })));
    return make('div', { class: 'td-row td-sides', hidden: true },
      side('← left', 'left', () => 0), side('right →', 'right', () => figure.scrollWidth));
  }

  hold(held) {
    const height = held ? `${this.status.offsetHeight}px` : '';
    Object.assign(this.status.style, { height, overflow: held ? 'hidden' : '' });
  }

  // Controls

  panel() {
    const { instrument } = this, { about, controls } = instrument;
    const grid = all => make('div', { class: 'td-controls' }, ...all);
    const seen = controls.filter(({ kind }) => kind !== 'seed').map(control => this.control(control));
    // One control behind "More" would take as much room as it saves.
    const first = seen.length > about.first + 1 ? about.first : seen.length, more = seen.slice(first);
    const panel = make('div', { class: 'td-panel' }, grid(seen.slice(0, first)));
    if (more.length) {
      const summary = make('summary', {}, `More: ${more.length} controls`);
      this.more = make('details', { class: 'td-more' }, summary, grid(more));
      this.hidden = more.map((_, i) => first + i);
      panel.append(this.more);
    }
    panel.append(
      this.chips('Try', about.presets, ([name]) => `Show: ${name}`,
        (_, state) => instrument.stands(state()), () => null),
      this.chips('Challenges', about.challenges, ([, task]) => task, i => instrument.challenge === i, i => i),
      this.again(),
    );
    return panel;
  }

  /** Listeners for what a hand comes to, and may use next. */
  coming(next) {
    const prepare = () => this.instrument.prepare(next);
    return { pointerenter: prepare, focusin: prepare };
  }

  /** A control: `take(value)` moves it, `at` is its place in a state. */
  control(control) {
    const { instrument } = this, { name, kind } = control, next = instrument.near(control);
    const take = value => instrument.go(instrument.after({ [name]: value }));
    const fill = { slider: this.slider, buttons: this.radios, menu: this.menu }[kind];
    const [tag, look] = kind === 'buttons' ? ['fieldset', 'td-control td-buttons'] : ['div', 'td-control'];
    const parts = fill.call(this, control, instrument.index(name), take);
    return make(tag, { class: look, ...this.coming(next) }, ...parts);
  }

  slider(control, at, take) {
    const { instrument } = this, { presets, challenges, defaults } = instrument.about, id = unique();
    let { values, texts } = control;
    const moved = () => take(values[input.valueAsNumber]);
    const label = make('label', { for: id }), input = make('input', {
      type: 'range', id, min: 0, step: 1, 'aria-label': control.label, input: moved,
      keydown: event => {
        const steps = { PageUp: 5, PageDown: -5 }[event.key];
        if (!steps) return;
        event.preventDefault();
        input.valueAsNumber += steps;
        moved();
      },
    });
    // A tick says that a value means something: it is one of few, or a preset or a challenge names it.
    const cases = [defaults, ...[...presets, ...challenges].map(one => one.at(-1))];
    const named = new Set(cases.map(state => values.indexOf(state[at])).filter(i => i >= 0));
    input.ticks = values.length > 15 ? [...named] : [...values.keys()];
    ticks(input, input.ticks, values.length);
    this.moves.push(() => {
      const value = instrument.state[at];
      ({ values, texts } = control);
      if (!values.includes(value)) { // a value between the positions becomes one more
        const before = values.filter(other => other < value).length;
        values = values.toSpliced(before, 0, value);
        texts = texts.toSpliced(before, 0, instrument.frame.values?.[control.name] ?? String(value));
      }
      input.max = values.length - 1;
      input.valueAsNumber = values.indexOf(value);
      const counts = Math.min(value, instrument.state[instrument.index(control.at_most)] ?? value);
      const text = texts[values.indexOf(counts)] ?? String(counts), said = `${control.label} = ${text}`;
      input.setAttribute('aria-valuetext', text);
      if (label.textContent !== said) label.innerHTML = typeset(said);
    });
    return [label, input];
  }

  menu({ values, label }, at, take) {
    const id = unique(), options = values.map(value => make('option', { value }, value));
    const select = make('select', { id, change: () => take(select.value) }, ...options);
    this.moves.push(() => { select.value = this.instrument.state[at]; });
    return [make('label', { for: id }, label), select];
  }

  radios({ values, label }, at, take) {
    const name = unique(), inputs = values.map(value => (
      make('input', { type: 'radio', name, value, change: () => take(value) })));
    this.moves.push(() => {
      inputs.forEach((input, i) => { input.checked = values[i] === this.instrument.state[at]; });
    });
    const labels = inputs.map((input, i) => make('label', {}, input, values[i]));
    return [make('legend', {}, label), make('div', { class: 'td-options' }, ...labels)];
  }

  /** A button; `next()`: the states that it may bring. */
  button(name, title, click, next, look = 'td-button') {
    return make('button', { class: `td-chip ${look}`, title, click, ...(next && this.coming(next)) }, name);
  }

  /** A row of presets or of challenges: is one `taken`, and which challenge, `task`, does it begin? */
  chips(word, cases, title, taken, task) {
    const { instrument } = this, chips = cases.map((one, i) => {
      const state = () => instrument.case(one.at(-1));
      const take = () => { instrument.challenge = task(i); instrument.go(state()); };
      const chip = this.button(one[0], title(one), take, () => [state()], '');
      this.moves.push(() => chip.setAttribute('aria-pressed', taken(i, state)));
      return chip;
    });
    return chips.length ? make('div', { class: 'td-row' }, make('span', {}, word), ...chips) : '';
  }

  /** A phrase of the question sets controls; on a page, where that is not there, from the start. */
  phrase(moves) {
    const { instrument } = this, state = instrument.after(moves);
    instrument.go(instrument.there(state) ? state : instrument.after(moves, instrument.about.start));
  }

  /** Run a control along its positions, to where it stands. Who wants no motion gets a step a click. */
  player() {
    const { instrument } = this, control = instrument.control(instrument.about.plays);
    const { values, name, label, at_most: most } = control;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches, next = instrument.near(control);
    const of = setting => instrument.state[instrument.index(setting)], here = () => of(name);
    const to = value => instrument.after({ [name]: value });
    let end = values[0];
    const step = () => {
      if (instrument.behind) return; // the kernel is still at work
      const value = values.find(one => one > here() && instrument.there(to(one)));
      if (value <= end) instrument.go(to(value));
      if (!(value < end)) this.pause();
    };
    const run = () => {
      if (this.playing) return this.pause();
      if (here() >= end) {
        end = here() > values[0] ? here() : of(most) ?? values.at(-1);
        instrument.go(to(values[0]));
      } else if (calm) step();
      if (calm) return;
      this.playing = setInterval(step, Math.min(Math.max(4000 / values.length, 60), 500));
      write(this.play, 'Pause');
    };
    const title = `${label}: one position after another`;
    this.play = this.button(calm ? 'Step' : 'Play', title, run, next, 'td-button td-play');
    return this.play;
  }

  pause() {
    if (this.playing) write(this.play, 'Play');
    this.playing = clearInterval(this.playing);
  }

  /** Reset, the seed, and what can be kept of the present state: a ghost, numbers, code, an address. */
  again() {
    const { instrument, data } = this, { about, host } = instrument, seed = instrument.control('seed');
    const title = `Back to the starting settings${seed ? ' and seed' : ''}`;
    const reset = () => {
      instrument.challenge = null;
      instrument.go(about.start);
    };
    const code = () => {
      copy(instrument.code());
      instrument.say(`Copied: ${instrument.code()}`);
    };
    const link = () => {
      const address = host.link(instrument.state);
      copy(address);
      history.replaceState(null, '', address);
      instrument.say('Copied: the address of this page, with these settings.');
    };
    const hold = this.button('Hold', 'Keep the present curves, to compare with');
    const numbers = this.button('Data', 'The curves as a table, and as sound');
    return make(
      'div', { class: 'td-row' },
      this.button('Reset', title, reset, () => [about.start]),
      ...(seed ? this.seed(seed) : []),
      about.plays ? this.player() : '',
      toggle(hold, 'aria-pressed', held => this.figure.hold(held)),
      about.panels.length ? toggle(numbers, 'aria-expanded', open => data.show(open)) : '',
      this.button('Copy as code', 'Copy the line of Python that shows this', code),
      host.link ? this.button('Copy link', 'Copy the address that shows this', link) : '',
    );
  }

  seed({ highest, label }) {
    const { instrument } = this, at = instrument.index('seed'), id = unique();
    const after = () => instrument.after({ seed: (instrument.state[at] + 1) % (highest + 1) });
    const change = () => {
      const value = Math.min(Math.max(Math.round(input.valueAsNumber), 0), highest);
      instrument.go(instrument.after({ seed: Number.isNaN(value) ? instrument.state[at] : value }));
    };
    const input = make('input', { type: 'number', id, min: 0, max: highest, step: 1, change });
    this.moves.push(() => { input.value = instrument.state[at]; });
    return [make('label', { for: id }, label), input, this.button(
      'New seed', 'Other random numbers, same settings', () => instrument.go(after()), () => [after()])];
  }

  // Drawing

  draw() {
    const { frame, note, state, guess, guessing, challenge, behind } = this.instrument;
    for (const move of this.moves) move();
    write(this.note, note);
    this.root.classList.toggle('td-unfinished', !frame.last || behind);
    // A control that was moved by a preset is to be seen.
    if (this.more && this.before && this.hidden.some(i => state[i] !== this.before[i])) this.more.open = true;
    if (frame !== this.drawn || guessing !== this.asking) {
      this.picture(frame);
      this.say(frame);
      this.data.renew();
    }
    this.pin(challenge !== null ? this.challenge(frame) : guess?.open ? this.guess(guess) : null);
    this.question.hidden = challenge !== null || guessing; // it may give the answer away
    Object.assign(this, { before: state, drawn: frame, asking: guessing });
  }

  picture(frame) {
    const { guess, guessing, about: { title } } = this.instrument;
    if (guessing) {
      const how = 'Each dot is a slider that the keyboard finds behind the figure.';
      this.figure.draw(guess.ink, `${title}. Your guess first: ${guess.task} ${how}`);
    } else if (frame.problem) this.figure.draw('', title); // never the picture of other settings
    else this.figure.draw(frame.ink, `${title}. ${frame.says}`);
  }

  /** The verdict, and the numbers below it. */
  say(frame) {
    const { guessing } = this.instrument, { readouts = [], problem, last } = frame;
    const [word, sentence, tone] = frame.verdict ?? [];
    const [look, html] = guessing ? ['muted', '<b>YOUR GUESS</b> first: the curve is drawn when you commit.']
      : problem ? ['alarm', problem] : [last ? tone : 'muted', `<b>${word}</b> ${sentence}`];
    this.controls.toggleAttribute('inert', guessing);
    this.verdict.className = `td-verdict td-${look}`;
    fill(this.verdict, html);
    fill(this.readouts, guessing ? '' : readouts.map(([name, value]) => (
      `<span><i>${typeset(name)}</i><b>${value}</b></span>`)).join(''));
    // Words are spoken when the hand has come to rest.
    clearTimeout(this.speaking);
    const speak = () => write(this.spoken, this.verdict.textContent);
    if (last && this.drawn) this.speaking = setTimeout(speak, 600);
  }

  /** What is pinned on top, [look, html, the button's name, its title, what it does]: a challenge, */
  challenge(frame) {
    const { instrument } = this, [name, task, lesson] = instrument.about.challenges[instrument.challenge];
    const leave = () => {
      instrument.challenge = null;
      instrument.draw();
    };
    const [look, html] = frame.last && frame.reached?.includes(name) ? ['good', `<b>✓ Reached.</b> ${lesson}`]
      : ['task', `<b>Goal:</b> ${task}`];
    return [look, html, '×', 'Leave the challenge', leave];
  }

  /** or a guess that is asked for, or how far off it was. */
  guess(guess) {
    const { instrument } = this, end = open => () => instrument.guessed(open);
    if (!guess.done) return ['task', `<b>Your guess:</b> ${guess.task}`, 'Commit', null, end(true)];
    guess.words ??= `${guess.before ? 'Your guess from before. ' : ''}${this.figure.compared()}`;
    return ['measured', guess.words, '×', 'Close', end(false)];
  }

  pin(card) {
    const [look, html, name, title, click] = card ?? [], { goal } = this;
    if (html === this.pinned) return; // a screen reader speaks what is written anew
    this.pinned = html;
    const held = goal.contains(document.activeElement);
    goal.className = card ? `td-goal td-card td-${look}` : 'td-goal';
    goal.replaceChildren();
    if (!card) return;
    const button = make('button', { class: 'td-chip', 'aria-label': title, click }, name);
    goal.append(make('div', { html: typeset(html) }), button);
    if (held) button.focus();
  }
}

/** Draw ticks on a slider at some of its `count` positions. */
export function ticks(input, at, count, look = 'var(--td-muted)') {
  input.style.setProperty('--td-ticks', at.map(i => (
    `linear-gradient(${look} 0 0) calc(11px + (100% - 22px) * ${i / (count - 1 || 1)}) 0 / 2px 100% no-repeat`
  )).join() || 'none');
}

function copy(text) {
  navigator.clipboard?.writeText(text).catch(() => {}); // what is said shows it anyway
}

