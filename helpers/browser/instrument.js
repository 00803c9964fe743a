// An instrument in the browser. It shows frames that Python made, moves controls, listens to hands; it computes
// nothing of what it shows. A state is the values of all controls, in their order; a frame is all that is seen in
// one state. Frames are kept, so that a hand that comes back, or that was expected, need not wait.
// This module has two hosts: a notebook's widget (at the end), and a page with a file of frames (tools/web/lesson.js).

const KEPT = 3000; // frames
const CHARACTERS = 2e7; // of their ink
const NEXT = 60; // frames that are asked for ahead
const REST = 120; // ms without a move after which the kernel is told where the controls stand
const PATIENCE = 3000; // ms after which a kernel that does not answer is said to be silent
const SILENT = 'Python does not answer yet: it is busy, or its kernel has ended. What was shown before still moves.';

let count = 0; // names are unique on the page
const unique = () => `td-${(count += 1)}-${Math.random().toString(36).slice(2, 8)}`;

/** An element with attributes (functions: listeners) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

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
    this.show(host.frame());
    this.keep(this.state, this.frame);
  }

  // State

  index(name) {
    return this.controls.findIndex(control => control.name === name);
  }

  /** The state after controls have moved: {name: value}. */
  after(moves) {
    const state = [...this.state];
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
    this.host.save(this.state, this.shown === key(this.state) && this.frame.last ? this.frame : null);
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
    if (this.asked) return;
    this.asked = key(this.state);
    this.host.want(this.state, this.missing());
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.asked = null; // a kernel that comes back is asked again
      this.say(SILENT);
    }, PATIENCE);
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
      if (ahead.length && !this.asked && this.frame.last) this.host.want(null, ahead);
    }, pause);
  }

  /** The host brings frames: [[state, frame], …]. */
  answer(frames) {
    let fresh = false;
    clearTimeout(this.waiting);
    if (this.note === SILENT) this.say('');
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

/** Write text with the w of σ_w below the line; what is read aloud or copied is the text as it was. */
function typeset(element, text) {
  if (element.textContent === text) return;
  const below = letter => make('sub', {}, make('span', { style: 'font-size: 0' }, '_'), letter);
  element.replaceChildren(...text.split(/_(\w)/).map((part, i) => (i % 2 ? below(part) : part)));
}

/** One place on a page where an instrument is seen. */
export class View {
  constructor(instrument, element) {
    this.instrument = instrument;
    const { about } = instrument;
    this.name = unique();
    this.moves = []; // what brings each control to where the state is
    this.paper = make('div', { class: 'td-figure' });
    this.paper.innerHTML = about.paper;
    const box = this.paper.firstElementChild.getAttribute('viewBox');
    const layer = kind => {
      this.paper.insertAdjacentHTML('beforeend', `<svg class="${kind}" viewBox="${box}"></svg>`);
      return this.paper.lastElementChild;
    };
    this.ghost = layer('td-ghost');
    this.ghost.setAttribute('aria-hidden', 'true');
    this.ink = layer('td-ink');
    this.ink.setAttribute('role', 'img');
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
      make('div', { class: 'td-body' }, this.paper, this.status, this.panel()),
    );
    // What has the keyboard must say itself that JupyterLab's own shortcuts keep out.
    for (const one of this.root.querySelectorAll('input, select, button, summary')) {
      one.setAttribute('data-lm-suppress-shortcuts', 'true');
    }
    // Nothing moves under a hand: while it holds a control the words keep their room.
    this.root.addEventListener('pointerdown', () => this.hold(true));
    this.released = () => this.hold(false);
    for (const over of ['pointerup', 'pointercancel']) window.addEventListener(over, this.released);
    this.root.addEventListener('td-forget', () => instrument.forget()); // for measurements
    element.append(this.root);
    // What scrolls sideways must be within the keyboard's reach.
    this.watch = new ResizeObserver(() => {
      this.paper.toggleAttribute('tabindex', false);
      if (this.paper.scrollWidth > this.paper.clientWidth) this.paper.tabIndex = 0;
    });
    this.watch.observe(this.paper);
    instrument.views.add(this);
    this.grab();
    this.draw();
  }

  remove() {
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
    panel.append(this.presets(), this.challenges(), this.again());
    return panel;
  }

  control(control) {
    return { slider: this.slider, buttons: this.radios, menu: this.menu }[control.kind].call(this, control);
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

  slider(control) {
    const { instrument } = this, at = instrument.index(control.name), id = unique(), next = this.near(control);
    let { values, texts } = control;
    const label = make('label', { for: id });
    const moved = () => instrument.go(instrument.after({ [control.name]: values[input.valueAsNumber] }), next);
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
    if (values.length <= 15) {
      const gap = `calc((100% - 24px) / ${values.length - 1})`;
      input.style.setProperty('--td-ticks', `repeating-linear-gradient(90deg, var(--td-muted) 0 1px, transparent 1px ${gap}) 12px 0 / calc(100% - 23px) 100% no-repeat`);
    }
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
      const counts = control.at_most ? Math.min(value, instrument.state[instrument.index(control.at_most)]) : value;
      const text = texts[values.indexOf(counts)] ?? String(counts);
      input.setAttribute('aria-valuetext', text);
      typeset(label, `${control.label} = ${text}`);
    });
    return make('div', { class: 'td-control', ...this.coming(next) }, label, input);
  }

  menu(control) {
    const { instrument } = this, at = instrument.index(control.name), id = unique();
    const select = make(
      'select', { id, change: () => instrument.go(instrument.after({ [control.name]: select.value }), this.near(control)) },
      ...control.values.map(value => make('option', { value }, value)),
    );
    this.moves.push(() => { select.value = instrument.state[at]; });
    return make('div', { class: 'td-control', ...this.coming(this.near(control)) }, make('label', { for: id }, control.label), select);
  }

  radios(control) {
    const { instrument } = this, at = instrument.index(control.name), name = unique();
    const inputs = control.values.map(value => make('input', {
      type: 'radio', name, value, change: () => instrument.go(instrument.after({ [control.name]: value }), this.near(control)),
    }));
    this.moves.push(() => inputs.forEach((input, i) => { input.checked = control.values[i] === instrument.state[at]; }));
    return make(
      'fieldset', { class: 'td-control td-buttons', ...this.coming(this.near(control)) }, make('legend', {}, control.label),
      make('div', { class: 'td-options' }, ...inputs.map((input, i) => make('label', {}, input, control.values[i]))),
    );
  }

  chip(name, state, taken, take, title) {
    const button = make(
      'button', { type: 'button', class: 'td-chip', title, click: take, ...this.coming(() => [state()]) }, name,
    );
    this.moves.push(() => button.setAttribute('aria-pressed', taken()));
    return button;
  }

  presets() {
    const { instrument } = this, { presets } = instrument.about;
    const chips = presets.map(([name, values]) => {
      const state = () => instrument.case(values);
      return this.chip(
        name, state, () => key(state()) === key(instrument.state),
        () => { instrument.challenge = null; instrument.go(state()); }, `Show: ${name}`,
      );
    });
    return chips.length ? make('div', { class: 'td-row' }, make('span', {}, 'Try'), ...chips) : '';
  }

  challenges() {
    const { instrument } = this, { challenges } = instrument.about;
    const chips = challenges.map(([name, task, , values], i) => this.chip(
      name, () => instrument.case(values), () => instrument.challenge === i,
      () => { instrument.challenge = i; instrument.go(instrument.case(values)); }, task,
    ));
    return chips.length ? make('div', { class: 'td-row' }, make('span', {}, 'Challenges'), ...chips) : '';
  }

  /** Keep the present curves as a ghost, to compare with. */
  keeper() {
    const button = make('button', {
      type: 'button', class: 'td-chip td-button', title: 'Keep the present curves, to compare with', 'aria-pressed': 'false',
      click: () => {
        const held = button.getAttribute('aria-pressed') === 'true', { frame } = this.instrument;
        button.setAttribute('aria-pressed', !held);
        this.ghost.innerHTML = held ? '' : frame.ink ?? '';
        this.scale = scale(frame);
        // Words and tick labels are those of the present.
        for (const text of this.ghost.querySelectorAll('text')) text.remove();
      },
    }, 'Hold');
    return button;
  }

  /** Copy the line of Python that comes back to what is seen. */
  copier() {
    const { instrument } = this, { name, defaults } = instrument.about;
    return make('button', {
      type: 'button', class: 'td-chip td-button', title: 'Copy the line of Python that shows this',
      click: () => {
        const changed = instrument.controls
          .map((control, i) => [control.name, instrument.state[i], defaults[i]])
          .filter(([, value, usual]) => value !== usual)
          .map(([setting, value]) => `${setting}=${JSON.stringify(value)}`);
        const code = `${name}(${changed.join(', ')})`;
        copy(code);
        instrument.say(`Copied: ${code}`);
      },
    }, 'Copy as code');
  }

  /** On a page: copy the address that opens it with this state. */
  linker() {
    const { instrument } = this;
    return make('button', {
      type: 'button', class: 'td-chip td-button', title: 'Copy the address that shows this',
      click: () => {
        const address = instrument.host.link(instrument.state);
        copy(address);
        history.replaceState(null, '', address);
        instrument.say('Copied: the address of this page, with these settings.');
      },
    }, 'Copy link');
  }

  /** Reset and the seed. */
  again() {
    const { instrument } = this, { start } = instrument.about, at = instrument.index('seed');
    const button = (name, title, state) => make(
      'button', { type: 'button', class: 'td-chip td-button', title, click: () => instrument.go(state()), ...this.coming(() => [state()]) }, name,
    );
    const row = make('div', { class: 'td-row' });
    const reset = button('Reset', `Back to the starting settings${at < 0 ? '' : ' and seed'}`, () => start);
    reset.addEventListener('click', () => { instrument.challenge = null; instrument.draw(); });
    row.append(reset);
    if (at >= 0) {
      const { highest, label } = instrument.controls[at], id = unique();
      const seed = make('input', {
        type: 'number', id, min: 0, max: highest, step: 1,
        change: () => {
          const value = Math.min(Math.max(Math.round(seed.valueAsNumber), 0), highest);
          instrument.go(instrument.after({ seed: Number.isNaN(value) ? instrument.state[at] : value }));
        },
      });
      this.moves.push(() => { seed.value = instrument.state[at]; });
      const after = () => instrument.after({ seed: (instrument.state[at] + 1) % (highest + 1) });
      row.append(make('label', { for: id }, label), seed, button('New seed', 'Other random numbers, same settings', after));
    }
    row.append(this.keeper(), this.copier());
    if (instrument.host.link) row.append(this.linker());
    return row;
  }

  /** What is a place in the figure can be dragged there. */
  grab() {
    const { instrument, ink } = this, { places } = instrument.about;
    let held = null;
    const point = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(ink.getScreenCTM().inverse());
    const over = ({ x, y }) => places.find(({ box: [left, top, wide, high] }) => (
      x >= left - 8 && x <= left + wide + 8 && y >= top - 8 && y <= top + high + 8));
    const move = event => {
      const at = point(event), moves = {};
      const sides = ['x', 'y'].filter(side => held[side]);
      for (const side of sides) {
        const [name, places] = held[side];
        const distance = i => Math.abs(places[i] - at[side]);
        const nearest = places.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
        moves[name] = instrument.controls[instrument.index(name)].values[nearest];
      }
      const near = sides.map(side => this.near(instrument.controls[instrument.index(held[side][0])]));
      instrument.go(instrument.after(moves), () => near.flatMap(next => next().slice(0, 30)));
    };
    const listen = (name, listener) => ink.addEventListener(name, listener);
    listen('pointerdown', event => {
      held = over(point(event));
      if (!held) return;
      ink.setPointerCapture(event.pointerId);
      move(event);
    });
    listen('pointermove', event => {
      if (held) move(event);
      else ink.style.cursor = over(point(event)) ? 'grab' : '';
    });
    for (const end of ['pointerup', 'pointercancel']) listen(end, () => { held = null; });
    ink.style.touchAction = places.length ? 'pan-y' : '';
  }

  // Drawing

  draw() {
    const { frame, challenge, about, note, state } = this.instrument;
    for (const move of this.moves) move();
    write(this.note, note);
    this.root.classList.toggle('td-unfinished', !frame.last || this.instrument.shown !== key(state));
    // A control that was moved by a preset is to be seen.
    if (this.more && this.before && this.hidden.some(i => state[i] !== this.before[i])) this.more.open = true;
    this.before = state;
    if (frame !== this.drawn) this.picture(frame);
    if (frame !== this.drawn || challenge !== this.task) this.pin(frame, challenge === null ? null : about.challenges[challenge]);
    this.drawn = frame;
    this.task = challenge;
  }

  picture(frame) {
    if (frame.problem) {
      this.verdict.className = 'td-verdict td-alarm';
      this.verdict.innerHTML = frame.problem;
      this.ink.replaceChildren(); // never the picture of other settings
      this.readouts.replaceChildren();
    } else {
      this.ink.innerHTML = frame.ink;
      this.ghost.toggleAttribute('hidden', scale(frame) !== this.scale); // on other axes it would lie
      this.ink.setAttribute('aria-label', `${this.instrument.about.title}. ${frame.says}`);
      const [word, sentence, tone] = frame.verdict;
      this.verdict.className = `td-verdict td-${frame.last ? tone : 'muted'}`;
      this.verdict.innerHTML = `<b>${word}</b> ${sentence}`;
      this.readouts.innerHTML = frame.readouts.map(([name, value]) => `<span><i>${name}</i><b>${value}</b></span>`).join('');
    }
    // Words are spoken when the hand has come to rest.
    clearTimeout(this.speaking);
    if (frame.last && this.drawn) this.speaking = setTimeout(() => write(this.spoken, this.verdict.textContent), 600);
  }

  pin(frame, challenge) {
    this.question.hidden = challenge !== null;
    this.goal.className = 'td-goal';
    if (challenge === null) return this.goal.replaceChildren();
    const [name, task, lesson] = challenge, done = frame.last && frame.reached?.includes(name);
    this.goal.classList.add('td-card', done ? 'td-good' : 'td-task');
    const words = make('div');
    words.innerHTML = done ? `<b>✓ Reached.</b> ${lesson}` : `<b>Goal:</b> ${task}`;
    const leave = () => { this.instrument.challenge = null; this.instrument.draw(); };
    this.goal.replaceChildren(words, make('button', { type: 'button', class: 'td-chip', 'aria-label': 'Leave the challenge', click: leave }, '×'));
  }
}

/** What moving tick labels say: curves can be compared where it is the same. */
function scale(frame) {
  return (frame.ink?.match(/text-anchor="end"[^>]*>[^<]*/g) ?? []).join();
}

function copy(text) {
  navigator.clipboard?.writeText(text).catch(() => {}); // what is said shows it anyway
}

/** Write only what is new: a screen reader speaks what changes. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
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
