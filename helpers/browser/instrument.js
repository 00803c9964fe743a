// An instrument in the browser. It shows frames that Python made, moves controls, listens to hands; it computes
// nothing of what it shows. A state is the values of all controls, in their order; a frame is all that is seen in
// one state. Frames are kept, so that a hand that comes back, or that was expected, need not wait.
// The picture is figure.js. This module has two hosts: a notebook's widget (at the end), and a page with a file of
// frames (tools/web/lesson.js).
import { Figure, make, write } from './figure.js';

const KEPT = 3000; // frames
const CHARACTERS = 2e7; // of their ink
const NEXT = 60; // frames that are asked for ahead
const REST = 120; // ms without a move after which the kernel is told where the controls stand
const PATIENCE = 3000; // ms after which a kernel that does not answer is said to be silent
const SILENT = 'Python does not answer: it is busy, or its kernel has ended. ';
const ENDED = 'Disconnected: the kernel has ended. ';

let count = 0; // names are unique on the page
const unique = () => `td-${(count += 1)}-${Math.random().toString(36).slice(2, 8)}`;

/** What is seen, apart from where: the state, the frames that are there, and those that are wanted. */
export class Instrument {
  constructor(host) {
    // {about, state(), frame(), want(now, ahead), save(state, frame)}; perhaps moved(state), and ready(state): a frame
    this.host = host;
    this.about = host.about;
    this.controls = this.about.controls;
    this.state = host.state();
    this.frames = new Map(); // the latest used come last
    this.size = 0;
    this.views = new Set();
    this.challenge = null;
    this.next = () => []; // the states that the hand may need next
    this.note = '';
    const { guess, start } = this.about; // the truth that is guessed is that of the start
    if (guess && key(start) === key(this.state)) {
      this.guess = { ...guess, ys: [...guess.ys], state: key(start), done: false, open: true };
    }
    this.show(host.frame());
    this.keep(this.state, this.frame);
  }

  // State

  index(name) {
    return this.controls.findIndex(control => control.name === name);
  }

  /** The state after controls have moved: {name: value}. */
  after(moves, from = this.state) {
    const state = [...from];
    for (const [name, value] of Object.entries(moves)) {
      const { implies = {}, kind } = this.controls[this.index(name)];
      const implied = kind === 'slider' ? implies : implies[value] ?? {};
      for (const [other, set] of Object.entries(implied)) state[this.index(other)] = set;
    }
    for (const [name, value] of Object.entries(moves)) state[this.index(name)] = value;
    return state;
  }

  /** A preset or a challenge: all values, the seed as it is unless it is named. */
  case(values) {
    return this.state.map((value, i) => (i < values.length ? values[i] : value));
  }

  /** Is the curve still to be guessed? */
  get guessing() {
    return Boolean(this.guess && !this.guess.done);
  }

  /** Can a state be shown? On a page only those that were baked. */
  there(state) {
    return !this.host.ready?.(state).problem;
  }

  /** A hand wants another state, and will perhaps want one of `next()` after it. */
  go(state, next = this.next) {
    const same = key(state) === key(this.state);
    this.state = state;
    this.next = next;
    if (same && !this.frame.problem) return this.draw();
    const there = this.frames.get(key(state)) ?? this.host.ready?.(state);
    if (there) {
      this.show(there);
      this.keep(state, there);
      this.prepare(next, 200);
    } else this.ask();
    this.host.moved?.(state);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
    this.draw();
  }

  rest() {
    if (!this.lost) this.host.save(this.state, this.shown === key(this.state) && this.frame.last ? this.frame : null);
  }

  // Frames

  show(frame) {
    this.frame = frame;
    this.shown = key(this.state);
  }

  keep(state, frame) {
    if (!frame?.last || frame.problem) return;
    const name = key(state);
    if (this.frames.delete(name)) this.size -= frame.ink.length;
    this.frames.set(name, frame);
    this.size += frame.ink.length;
    while (this.frames.size > KEPT || this.size > CHARACTERS) {
      const [oldest, gone] = this.frames.entries().next().value;
      this.frames.delete(oldest);
      this.size -= gone.ink.length;
    }
  }

  forget() {
    this.frames.clear();
    this.size = 0;
  }

  /** Ask for the present state, unless an answer is on its way: then afterwards, for where the hand is by then. */
  ask() {
    if (this.asked || this.lost) return;
    this.asked = key(this.state);
    this.host.want(this.state, this.missing());
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.asked = null; // a kernel that comes back is asked again
      this.say(SILENT + this.kept());
    }, PATIENCE);
  }

  /** What is left to a hand without Python. */
  kept() {
    return this.frames.size > 1 ? 'What was shown before still moves.' : 'Run this cell again to go on.';
  }

  /** There is no Python any more. */
  lose() {
    this.lost = true;
    this.say(ENDED + this.kept());
  }

  missing() {
    const asked = key(this.state);
    return this.next().filter(state => key(state) !== asked && !this.frames.has(key(state))).slice(0, NEXT);
  }

  /** The hand is about to move: ask for what it may need, if the kernel has nothing better to do. */
  prepare(next, pause = 30) {
    this.next = next;
    clearTimeout(this.preparing);
    this.preparing = setTimeout(() => {
      const ahead = this.missing();
      if (ahead.length && !this.asked && !this.lost && this.frame.last) this.host.want(null, ahead);
    }, pause);
  }

  /** The host brings frames: [[state, frame], …]. */
  answer(frames) {
    let fresh = false;
    clearTimeout(this.waiting);
    if (this.note.startsWith(SILENT)) this.say('');
    for (const [state, frame] of frames) {
      const name = key(state);
      this.keep(state, frame);
      if (name === this.asked) {
        this.asked = null;
        // The hand may be elsewhere by now. This is newer than what is seen, unless that is where the hand is.
        if (this.shown !== key(this.state)) fresh = true;
        if (fresh && name !== key(this.state)) {
          this.frame = frame;
          this.shown = name;
        }
      }
      if (name === key(this.state)) {
        fresh = true;
        this.show(frame);
        if (frame.last) {
          clearTimeout(this.resting);
          this.resting = setTimeout(() => this.rest(), REST);
        }
      }
    }
    if (!this.asked && !this.frames.has(key(this.state)) && this.shown !== key(this.state)) this.ask();
    if (fresh) this.paint();
  }

  /** The guess is committed, or what was said of it is put away. */
  guessed(open) {
    Object.assign(this.guess, { done: true, open });
    for (const view of this.views) view.known = null;
    this.draw();
  }

  say(note) {
    this.note = note;
    this.draw();
  }

  /** Draw in this refresh of the display, once, however many moves come before it. */
  draw() {
    this.drawing ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.drawing);
    this.drawing = null;
    for (const view of this.views) view.draw();
  }
}

export const key = state => JSON.stringify(state);

/** HTML with the w of σ_w below the line; what is read aloud or copied stays as it was. */
const typeset = html => html.replace(/σ_(\w)/g, 'σ<sub><span style="font-size: 0">_</span>$1</sub>');

/** One place on a page where an instrument is seen. */
export class View {
  constructor(instrument, element) {
    this.instrument = instrument;
    const { about } = instrument;
    this.name = unique();
    this.moves = []; // what brings each control to where the state is
    this.figure = new Figure(instrument, control => this.near(control));
    this.question = make('p', { class: 'td-question' });
    this.question.innerHTML = about.question;
    this.goal = make('div', { class: 'td-goal', role: 'status' });
    this.verdict = make('div', { class: 'td-verdict' });
    this.readouts = make('div', { class: 'td-readouts' });
    this.note = make('div', { class: 'td-note', role: 'status' });
    this.spoken = make('div', { class: 'td-hidden', role: 'status' });
    this.status = make('div', { class: 'td-status' }, this.verdict, this.readouts, this.note, this.spoken);
    this.root = make(
      'section', { class: 'td-instrument', 'aria-label': about.title },
      make('div', { class: 'td-title' }, about.title), this.question, this.goal,
      make('div', { class: 'td-body' }, this.figure.root, this.status, (this.controls = this.panel())),
    );
    // What has the keyboard must say itself that JupyterLab's own shortcuts keep out.
    for (const one of this.root.querySelectorAll('input, select, button, summary')) {
      one.setAttribute('data-lm-suppress-shortcuts', 'true');
    }
    // Nothing moves under a hand: while it holds a control the words keep their room.
    this.root.addEventListener('pointerdown', () => this.hold(true));
    this.released = () => this.hold(false);
    for (const over of ['pointerup', 'pointercancel']) window.addEventListener(over, this.released);
    for (const touch of ['pointerdown', 'keydown']) {
      this.root.addEventListener(touch, event => event.target.closest('.td-play') ?? this.pause(), true);
    }
    this.question.addEventListener('click', ({ target }) => target.dataset.set && this.phrase(JSON.parse(target.dataset.set)));
    this.root.addEventListener('td-forget', () => instrument.forget()); // these two are for measurements
    this.root.addEventListener('td-count', () => { this.root.dataset.frames = instrument.frames.size; });
    element.append(this.root);
    // What scrolls sideways must be within the keyboard's reach.
    const { root } = this.figure;
    this.watch = new ResizeObserver(() => {
      root.toggleAttribute('tabindex', false);
      if (root.scrollWidth > root.clientWidth) root.tabIndex = 0;
    });
    this.watch.observe(root);
    instrument.views.add(this);
    this.draw();
  }

  remove() {
    this.pause();
    this.instrument.views.delete(this);
    this.watch.disconnect();
    for (const over of ['pointerup', 'pointercancel']) window.removeEventListener(over, this.released);
    this.root.remove();
  }

  hold(held) {
    Object.assign(this.status.style, held
      ? { height: `${this.status.offsetHeight}px`, overflow: 'hidden' } : { height: '', overflow: '' });
  }

  // Controls

  panel() {
    const { about, controls } = this.instrument;
    const seen = controls.filter(control => control.kind !== 'seed').map(control => this.control(control));
    // One control behind "More" would take as much room as it saves.
    const first = seen.length > about.first + 1 ? about.first : seen.length;
    const panel = make('div', { class: 'td-panel' }, make('div', { class: 'td-controls' }, ...seen.slice(0, first)));
    if (first < seen.length) {
      this.more = make(
        'details', { class: 'td-more' }, make('summary', {}, `More: ${seen.length - first} controls`),
        make('div', { class: 'td-controls' }, ...seen.slice(first)),
      );
      this.hidden = controls.map((control, i) => i).slice(first, seen.length);
      panel.append(this.more);
    }
    const { instrument } = this, alike = state => key(state()) === key(instrument.state);
    panel.append(
      this.chips('Try', about.presets, (_, state) => alike(state), () => { instrument.challenge = null; }, ([name]) => `Show: ${name}`),
      this.chips('Challenges', about.challenges, i => instrument.challenge === i, i => { instrument.challenge = i; }, ([, task]) => task),
      this.again(),
    );
    return panel;
  }

  /** Every position of a control, nearest first. */
  near(control) {
    return () => {
      const here = this.instrument.state[this.instrument.index(control.name)];
      const exact = control.values.indexOf(here);
      const at = exact < 0 ? control.values.findIndex(value => value > here) : exact;
      return control.values
        .map((value, i) => [Math.abs(i - at), value])
        .sort((one, other) => one[0] - other[0])
        .map(([, value]) => this.instrument.after({ [control.name]: value }));
    };
  }

  /** Listeners for what a hand comes to, and may use next. */
  coming(next) {
    const prepare = () => this.instrument.prepare(next);
    return { pointerenter: prepare, focusin: prepare };
  }

  /** A control: `take(value)` moves it, `at` is its place in a state. */
  control(control) {
    const { instrument } = this, at = instrument.index(control.name), next = this.near(control);
    const take = value => instrument.go(instrument.after({ [control.name]: value }), next);
    const parts = { slider: this.slider, buttons: this.radios, menu: this.menu }[control.kind].call(this, control, at, take);
    const [tag, look] = control.kind === 'buttons' ? ['fieldset', 'td-control td-buttons'] : ['div', 'td-control'];
    return make(tag, { class: look, ...this.coming(next) }, ...parts);
  }

  slider(control, at, take) {
    const { instrument } = this, id = unique(), label = make('label', { for: id });
    let { values, texts } = control;
    const moved = () => take(values[input.valueAsNumber]);
    const input = make('input', {
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
    const { presets, challenges, defaults } = instrument.about;
    const named = [defaults, ...[...presets, ...challenges].map(one => one.at(-1))].map(state => values.indexOf(state[at]));
    input.ticks = values.length > 15 ? [...new Set(named)].filter(i => i >= 0) : [...values.keys()];
    ticks(input, input.ticks, values.length);
    this.moves.push(() => {
      const value = instrument.state[at];
      ({ values, texts } = control);
      if (!values.includes(value)) {
        // A value between the positions becomes one more.
        const before = values.filter(other => other < value).length;
        values = values.toSpliced(before, 0, value);
        texts = texts.toSpliced(before, 0, instrument.frame.values?.[control.name] ?? String(value));
      }
      input.max = values.length - 1;
      input.valueAsNumber = values.indexOf(value);
      const counts = Math.min(value, instrument.state[instrument.index(control.at_most)] ?? value);
      const text = texts[values.indexOf(counts)] ?? String(counts);
      input.setAttribute('aria-valuetext', text);
      const said = `${control.label} = ${text}`;
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
    const name = unique(), inputs = values.map(value => make('input', { type: 'radio', name, value, change: () => take(value) }));
    this.moves.push(() => inputs.forEach((input, i) => { input.checked = values[i] === this.instrument.state[at]; }));
    return [
      make('legend', {}, label),
      make('div', { class: 'td-options' }, ...inputs.map((input, i) => make('label', {}, input, values[i]))),
    ];
  }

  /** A button; `next()`: the states that it may bring. */
  button(name, title, click, next, look = 'td-button') {
    const coming = next ? this.coming(next) : {};
    return make('button', { type: 'button', class: `td-chip ${look}`, title, click, ...coming }, name);
  }

  /** A row of presets or of challenges, of which those that are taken are marked. */
  chips(word, cases, taken, take, title) {
    const row = make('div', { class: 'td-row' }, make('span', {}, word)), { instrument } = this;
    cases.forEach((one, i) => {
      const state = () => instrument.case(one.at(-1));
      const chip = this.button(one[0], title(one), () => { take(i); instrument.go(state()); }, () => [state()], '');
      this.moves.push(() => chip.setAttribute('aria-pressed', taken(i, state)));
      row.append(chip);
    });
    return cases.length ? row : '';
  }

  /** A phrase of the question sets controls; on a page, where that is not there, from the start. */
  phrase(moves) {
    const { instrument } = this, state = instrument.after(moves);
    instrument.go(instrument.there(state) ? state : instrument.after(moves, instrument.about.start));
  }

  /** Run a control along its positions, from the first to where it stands. Who wants no motion gets a step a click. */
  player() {
    const { instrument } = this, at = instrument.index(instrument.about.plays), control = instrument.controls[at];
    const { values, name } = control, next = this.near(control), calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const to = value => instrument.after({ [name]: value });
    let end = values[0];
    const step = () => {
      if (instrument.shown !== key(instrument.state)) return; // the kernel is still at work
      const value = values.find(one => one > instrument.state[at] && instrument.there(to(one)));
      if (value <= end) instrument.go(to(value), next);
      if (!(value < end)) this.pause();
    };
    const run = () => {
      const here = instrument.state[at];
      if (this.playing) return this.pause();
      if (here >= end) {
        end = here > values[0] ? here : instrument.state[instrument.index(control.at_most)] ?? values.at(-1);
        instrument.go(to(values[0]), next);
      } else if (calm) step();
      if (calm) return;
      this.playing = setInterval(step, Math.min(Math.max(4000 / values.length, 60), 500));
      write(this.play, 'Pause');
    };
    this.play = this.button(calm ? 'Step' : 'Play', `${control.label}: one position after another`, run, next, 'td-button td-play');
    return this.play;
  }

  pause() {
    if (this.playing) write(this.play, 'Play');
    this.playing = clearInterval(this.playing);
  }

  /** Reset, the seed, and what can be kept of the present state: as a ghost, as code, as an address. */
  again() {
    const { instrument } = this, { about, host, controls } = instrument, at = instrument.index('seed');
    const row = make('div', { class: 'td-row' });
    row.append(this.button('Reset', `Back to the starting settings${at < 0 ? '' : ' and seed'}`, () => {
      instrument.challenge = null;
      instrument.go(about.start);
    }, () => [about.start]));
    if (at >= 0) {
      const { highest, label } = controls[at], id = unique();
      const seed = make('input', {
        type: 'number', id, min: 0, max: highest, step: 1,
        change: () => {
          const value = Math.min(Math.max(Math.round(seed.valueAsNumber), 0), highest);
          instrument.go(instrument.after({ seed: Number.isNaN(value) ? instrument.state[at] : value }));
        },
      });
      this.moves.push(() => { seed.value = instrument.state[at]; });
      const after = () => instrument.after({ seed: (instrument.state[at] + 1) % (highest + 1) });
      row.append(make('label', { for: id }, label), seed,
        this.button('New seed', 'Other random numbers, same settings', () => instrument.go(after()), () => [after()]));
    }
    if (about.plays) row.append(this.player());
    const hold = this.button('Hold', 'Keep the present curves, to compare with', () => {
      const held = hold.getAttribute('aria-pressed') !== 'true';
      hold.setAttribute('aria-pressed', held);
      this.figure.hold(held);
    });
    hold.setAttribute('aria-pressed', 'false');
    row.append(hold, this.button('Copy as code', 'Copy the line of Python that shows this', () => {
      const changed = controls.map(({ name }, i) => [name, instrument.state[i]]).filter(([, value], i) => value !== about.defaults[i]);
      const code = `${about.name}(${changed.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')})`;
      copy(code);
      instrument.say(`Copied: ${code}`);
    }));
    if (host.link) {
      row.append(this.button('Copy link', 'Copy the address that shows this', () => {
        const address = host.link(instrument.state);
        copy(address);
        history.replaceState(null, '', address);
        instrument.say('Copied: the address of this page, with these settings.');
      }));
    }
    return row;
  }

  // Drawing

  draw() {
    const { frame, challenge, about, note, state, guess } = this.instrument;
    for (const move of this.moves) move();
    write(this.note, note);
    this.root.classList.toggle('td-unfinished', !frame.last || this.instrument.shown !== key(state));
    // A control that was moved by a preset is to be seen.
    if (this.more && this.before && this.hidden.some(i => state[i] !== this.before[i])) this.more.open = true;
    this.before = state;
    if (frame !== this.drawn || guess?.done !== this.known) this.picture(frame);
    if (frame !== this.drawn || challenge !== this.task || guess?.done !== this.known) {
      if (guess?.open && challenge === null) this.ask(guess);
      else this.pin(frame, challenge === null ? null : about.challenges[challenge]);
    }
    Object.assign(this, { drawn: frame, task: challenge, known: guess?.done });
  }

  picture(frame) {
    const { guess, guessing, about: { title } } = this.instrument;
    this.controls.toggleAttribute('inert', guessing);
    if (guessing || frame.problem) {
      this.verdict.className = `td-verdict td-${guessing ? 'muted' : 'alarm'}`;
      this.verdict.innerHTML = guessing ? '<b>YOUR GUESS</b> first: the curve is drawn when you commit.' : frame.problem;
      const says = `${title}. Your guess first: ${guess?.task} Each dot is a slider that the keyboard finds behind the figure.`;
      this.figure.draw(guessing ? guess.ink : '', guessing ? says : title); // never the picture of other settings
      this.readouts.replaceChildren();
    } else {
      const [word, sentence, tone] = frame.verdict;
      this.figure.draw(frame.ink, `${title}. ${frame.says}`);
      this.verdict.className = `td-verdict td-${frame.last ? tone : 'muted'}`;
      this.verdict.innerHTML = `<b>${word}</b> ${sentence}`;
      this.readouts.innerHTML = frame.readouts.map(([name, value]) => `<span><i>${typeset(name)}</i><b>${value}</b></span>`).join('');
    }
    // Words are spoken when the hand has come to rest.
    clearTimeout(this.speaking);
    if (frame.last && this.drawn) this.speaking = setTimeout(() => write(this.spoken, this.verdict.textContent), 600);
  }

  /** The card on top: words, and a button that ends it. */
  card(look, html, name, end, title) {
    const words = make('div'), focus = this.goal.contains(document.activeElement);
    words.innerHTML = typeset(html);
    this.goal.className = `td-goal td-card td-${look}`;
    const button = make('button', { type: 'button', class: 'td-chip', 'aria-label': title, 'data-lm-suppress-shortcuts': 'true', click: end }, name);
    this.goal.replaceChildren(words, button);
    if (focus) button.focus();
  }

  pin(frame, challenge) {
    this.question.hidden = challenge !== null;
    this.goal.className = 'td-goal';
    if (challenge === null) return this.goal.replaceChildren();
    const [name, task, lesson] = challenge, done = frame.last && frame.reached?.includes(name);
    const leave = () => { this.instrument.challenge = null; this.instrument.draw(); };
    return this.card(done ? 'good' : 'task', done ? `<b>✓ Reached.</b> ${lesson}` : `<b>Goal:</b> ${task}`, '×', leave, 'Leave the challenge');
  }

  /** Ask for a guess, or say how far off it was. */
  ask(guess) {
    this.question.hidden = !guess.done; // it may give the answer away
    if (guess.done) return this.card('measured', (guess.words ??= this.figure.compared()), '×', () => this.instrument.guessed(false), 'Close');
    return this.card('task', `<b>Your guess:</b> ${guess.task}`, 'Commit', () => this.instrument.guessed(true));
  }
}

/** Draw ticks on a slider at some of its `count` positions. */
export function ticks(input, at, count, look = 'var(--td-muted)') {
  input.style.setProperty('--td-ticks', at.map(i => (
    `linear-gradient(${look} 0 0) calc(11px + (100% - 22px) * ${i / (count - 1 || 1)}) 0 / 2px 100% no-repeat`)).join() || 'none');
}

function copy(text) {
  navigator.clipboard?.writeText(text).catch(() => {}); // what is said shows it anyway
}

/** The host in a notebook: one widget model, however many views it has. */
class Kernel {
  constructor(model) {
    this.model = model;
    this.about = model.get('_about');
    this.names = this.about.controls.map(control => control.name);
    this.last = this.frame();
    this.instrument = new Instrument(this);
    model.on('msg:custom', ({ frames }) => frames && this.instrument.answer(frames));
    model.on('change', () => this.changed());
    // JupyterLab says at once when a kernel dies; elsewhere it is noticed when it does not answer.
    model.widget_manager?.context?.sessionContext?.statusChanged?.connect((_, status) => {
      if (/dead|restarting|terminating/.test(status)) this.instrument.lose();
    });
  }

  state() {
    return this.names.map(name => this.model.get(name));
  }

  frame() {
    return this.model.get('_frame');
  }

  want(now, ahead) {
    this.model.send({ now, ahead });
  }

  /** What is linked to a setting in the browser moves along. */
  moved(state) {
    this.moving = true;
    this.names.forEach((name, i) => this.model.set(name, state[i]));
    this.moving = false;
  }

  save(state, frame) {
    this.moving = true;
    if (frame) this.model.set('_frame', frame);
    this.last = this.frame();
    this.moving = false;
    this.model.save_changes();
  }

  /** Something else has changed the model: code, which brings a frame along, or a linked widget. */
  changed() {
    if (this.moving) return;
    const { instrument } = this, state = this.state(), frame = this.frame();
    if (frame !== this.last) {
      this.last = frame;
      instrument.state = state;
      instrument.show(frame);
      instrument.keep(state, frame);
      instrument.draw();
    } else if (key(state) !== key(instrument.state)) {
      const moves = {};
      this.names.forEach((name, i) => { if (state[i] !== instrument.state[i]) moves[name] = state[i]; });
      instrument.go(instrument.after(moves));
    }
  }
}

export default () => {
  let kernel;
  const start = model => (kernel ??= new Kernel(model));
  return {
    initialize({ model }) { start(model); },
    render({ model, el }) {
      const view = new View(start(model).instrument, el);
      return () => view.remove();
    },
  };
};
