// An instrument in the browser. It shows frames that Python made, and listens to hands; it computes nothing
// of what it shows. A state is the values of all controls, in their order; a frame is all that is seen in one
// state. Frames are kept, so that a hand that comes back, or that was expected, need not wait.
// What is seen is view.js, the picture in it figure.js, its table and its sound data.js. There are two hosts:
// a notebook's widget (at the end), and a page with a file of frames (tools/web/lesson.js).
import { View } from './view.js';

const KEPT = 3000; // frames
const CHARACTERS = 2e7; // of their ink
const NEXT = 60; // frames that are asked for ahead
const DRAG = 300; // ms between two questions of a hand that goes on moving
const REST = 120; // ms without a move after which the kernel is told where the controls stand
const PATIENCE = 3000; // ms after which a kernel that does not answer is said to be silent
const SILENT = 'Python does not answer: it is busy, or its kernel has ended. ';
const ENDED = 'Disconnected: the kernel has ended. ';

/** States and frames are found by their values. */
export const key = state => JSON.stringify(state);

/** Instruments of JupyterLite's notebooks whose cells have not run (tools/web/early.js), until they do. */
export const early = globalThis.trainableDepthEarly ??= new Map();
export const callOf = (notebook, { name, start }) => key([notebook.replace(/\.\w+$/, ''), name, start]);

/** What is seen, apart from where: the state, the frames that are there, and those that are wanted. */
export class Instrument {
  /** host: {about, state(), frame(), want(now, ahead), save(state, frame), guess(ys)}; see Kernel below.
   *  Perhaps also moved(state), ready(state): a frame or a problem, and link(state): an address. */
  constructor(host) {
    const { about } = host, { controls, guess, start } = about;
    Object.assign(this, { host, about, controls, state: host.state(), challenge: null, note: '' });
    this.frames = new Map(); // the latest used come last
    this.size = 0;
    this.time = 0; // of the last question
    this.views = new Set();
    this.next = () => []; // the states that the hand may need next
    if (guess && this.stands(start)) { // the truth that is guessed is that of the start
      const before = host.guess(), ys = [...before ?? guess.ys]; // it is guessed once
      this.guess = { ...guess, ys, before, state: key(start), done: Boolean(before), open: true };
    }
    this.show(host.frame());
    this.keep(this.state, this.frame);
  }

  // State

  index(name) {
    return this.controls.findIndex(control => control.name === name);
  }

  control(name) {
    return this.controls[this.index(name)];
  }

  /** The state after controls have moved: {name: value}. */
  after(moves, from = this.state) {
    const state = [...from];
    for (const [name, value] of Object.entries(moves)) {
      const { implies = {}, kind } = this.control(name);
      const implied = kind === 'slider' ? implies : implies[value] ?? {};
      for (const [other, set] of Object.entries(implied)) state[this.index(other)] = set;
    }
    for (const [name, value] of Object.entries(moves)) state[this.index(name)] = value;
    return state;
  }

  /** A function that lists the states which a control can bring, the nearest first. */
  near({ name, values }) {
    return () => {
      const here = this.state[this.index(name)], exact = values.indexOf(here);
      const at = exact < 0 ? values.findIndex(value => value > here) : exact;
      const far = ([, i]) => Math.abs(i - at), all = values.map((value, i) => [value, i]);
      return all.sort((one, other) => far(one) - far(other)).map(([value]) => this.after({ [name]: value }));
    };
  }

  /** A preset or a challenge: all values, the seed as it is unless it is named. */
  case(values) {
    return this.state.map((value, i) => (i < values.length ? values[i] : value));
  }

  /** Is this the state in which the controls stand? */
  stands(state) {
    return key(state) === key(this.state);
  }

  /** Is what is seen another state, for which the controls have left already? */
  get behind() {
    return this.shown !== key(this.state);
  }

  /** Is the curve still to be guessed? */
  get guessing() {
    return Boolean(this.guess && !this.guess.done);
  }

  /** Can a state be shown? On a page only those that were baked. */
  there(state) {
    return !this.host.ready?.(state).problem;
  }

  /** A hand wants another state. */
  go(state) {
    const same = this.stands(state);
    this.state = state;
    if (same && !this.frame.problem) return this.draw();
    const there = this.frames.get(key(state)) ?? this.host.ready?.(state);
    if (there) {
      this.show(there);
      this.keep(state, there);
      this.prepare(this.next, 200);
    } else this.ask();
    this.host.moved?.(state);
    this.rest();
    this.draw();
  }

  /** The hand has come to rest for now: then the kernel is told where the controls stand. */
  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (!this.lost) this.host.save(this.state, !this.behind && this.frame.last ? this.frame : null);
    }, REST);
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

  /** Ask for the present state; if an answer is on its way, afterwards, for where the hand is by then.
   *  The first answer comes alone, as frames ahead would be in the way of its painting. */
  ask() {
    if (this.asked || this.lost) return;
    const now = performance.now(), moves = now - this.time < DRAG;
    Object.assign(this, { asked: key(this.state), time: now });
    this.host.want(this.state, moves ? this.missing() : []);
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
    return this.next().filter(state => !this.stands(state) && !this.frames.has(key(state))).slice(0, NEXT);
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
    const here = key(this.state);
    let fresh = false;
    clearTimeout(this.waiting);
    if (this.note.startsWith(SILENT)) this.say('');
    for (const [state, frame] of frames) {
      const name = key(state);
      // What was made ahead may arrive just before the answer to a question begins: it is finished already.
      const better = frame.last || !this.frames.has(name);
      this.keep(state, frame);
      // The hand may be elsewhere by now. What was asked for is still newer than what is seen.
      if (better && (name === here || (name === this.asked && this.behind))) {
        Object.assign(this, { frame, shown: name });
        fresh = true;
      }
      if (name === here && frame.last) this.rest();
      if (name === this.asked) {
        this.asked = null;
        this.prepare(this.next, 50);
      }
    }
    if (!this.asked && !this.frames.has(here) && this.behind) this.ask();
    if (fresh) this.paint();
  }

  /** Go on where another instrument of the same call was left. */
  takeOver({ state, challenge, guess, frame }) {
    if (this.guessing && guess) {
      this.guess.ys = guess.ys;
      if (guess.done) this.guessed(guess.open);
    }
    this.challenge = challenge;
    if (this.stands(state)) return;
    this.go(state);
    if (!frame.problem) this.show({ ...frame, last: false }); // what was seen, until there is more
  }

  /** The guess is committed, or what was said of it is put away. */
  guessed(open) {
    if (this.guessing) this.host.guess(this.guess.ys);
    Object.assign(this.guess, { done: true, open });
    this.draw();
  }

  /** The line of Python that shows the present state. */
  code() {
    const { controls, state, about: { name, defaults } } = this;
    const changed = controls.flatMap((control, i) => (
      state[i] === defaults[i] ? [] : [`${control.name}=${JSON.stringify(state[i])}`]));
    return `${name}(${changed.join(', ')})`;
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
    const call = callOf(model.widget_manager?.context?.path ?? '', this.about), before = early.get(call);
    early.delete(call);
    if (before) this.instrument.takeOver(before);
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

  /** The guess that was made before, or null; given one, note it. */
  guess(ys) {
    if (ys) {
      this.put([['_guess', ys]]);
      if (!this.instrument.lost) this.model.save_changes();
    }
    return this.model.get('_guess');
  }

  /** Change the model, and do not take that for news. */
  put(changes) {
    this.moving = true;
    for (const [name, value] of changes) this.model.set(name, value);
    this.moving = false;
  }

  /** What is linked to a setting in the browser moves along. */
  moved(state) {
    this.put(this.names.map((name, i) => [name, state[i]]));
  }

  save(state, frame) {
    if (frame) this.put([['_frame', frame]]);
    this.last = this.frame();
    this.model.save_changes();
  }

  /** Something else has changed the model: code, which brings a frame along, or a linked widget. */
  changed() {
    if (this.moving) return;
    const { instrument } = this, state = this.state(), frame = this.frame(), moves = {};
    if (frame !== this.last) {
      this.last = frame;
      instrument.state = state;
      instrument.show(frame);
      instrument.keep(state, frame);
      instrument.draw();
    } else if (!instrument.stands(state)) {
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
