// A lesson's page, where no Python runs: instruments show frames that were baked, and questions are answered.
// What is true, and what is said about an answer, was written by Python; here it is only looked up.
import { make } from './dom.js';
import { Instrument, key } from './instrument.js';
import { Card, escaped } from './question.js';
import { View, ticks } from './view.js';

export { callOf, early } from './instrument.js';

const GREY = 'What is grey moves, on this page, only while all else stands at the start, at a preset or '
  + 'at a challenge.';
const VEIL = 'What this cell shows: it opens when your prediction above is committed, or with a click.';
const NEAR = '900px'; // of the window: then an instrument's file is loaded

/** The host of an instrument on a page: it has some frames, all of them at once, and no others. */
export class Baked {
  constructor(file, call, live, asked) {
    this.about = { ...file.calls[call], paper: file.paper.replaceAll('td-paper', call) };
    Object.assign(this, { file, call });
    this.start = asked(this.about);
    this.absent = {
      last: true,
      problem: `Not on this page, which moves one control at a time from the start, a preset or a challenge.
        Press Reset, or <a href="${live}">run the lesson</a>: there everything moves.`,
    };
    this.instrument = new Instrument(this);
  }

  state() {
    return this.start;
  }

  frame() {
    return this.ready(this.start);
  }

  /** The frame of a state, never a wrong one. */
  ready(state) {
    const found = this.file.frames.get(key(state));
    if (!found) return this.absent;
    const [says, word, sentence, tone, ...rows] = found.said.map(place => this.file.words[place]);
    const readouts = rows.flatMap((name, i) => (i % 2 ? [] : [[name, rows[i + 1]]]));
    const { text, numbers, reached, units } = found, verdict = [word, sentence, tone];
    const ink = text.reduce((drawn, piece, i) => drawn + (numbers[i - 1] / 100).toFixed(2) + piece);
    return { says, ink, readouts, verdict, reached, units, last: true };
  }

  /** The guess that was made before, or null; given one, it is kept in this browser. */
  guess(ys) {
    const { name, start, guess } = this.about, id = `guess-${name}-${key(start)}`;
    if (ys) store.set(id, ys);
    const before = store.get(id);
    return before?.length === guess.xs.length ? before : null; // or it is of another version
  }

  want() {}

  save() {}

  moved() {
    this.instrument.note = '';
    clearTimeout(this.marking);
    this.marking = setTimeout(() => this.mark(), 100);
  }

  /** Show which positions each control has, with all others where they are. */
  mark() {
    for (const view of this.instrument.views) this.markIn(view.root);
  }

  markIn(root) {
    const { instrument } = this, boxes = root.querySelectorAll('.td-control');
    const has = moves => this.file.frames.has(key(instrument.after(moves)));
    const allow = (element, there) => { element.disabled = !there && element !== document.activeElement; };
    this.about.controls.filter(control => control.kind !== 'seed').forEach(({ name, values }, i) => {
      const there = values.map(value => has({ [name]: value }) || value === instrument.state[i]);
      const slider = boxes[i].querySelector('[type=range]');
      const options = boxes[i].querySelectorAll('option, [type=radio]');
      options.forEach((option, j) => { option.disabled = !there[j]; });
      if (!slider) return;
      allow(slider, there.filter(Boolean).length > 1);
      if (there.every(Boolean)) ticks(slider, slider.ticks, values.length);
      else ticks(slider, there.flatMap((yes, j) => (yes ? [j] : [])), values.length, 'var(--td-measured)');
    });
    const grey = root.querySelector('.td-control :disabled') ? GREY : '';
    if ([GREY, ''].includes(instrument.note)) instrument.say(grey);
    for (const seed of root.querySelectorAll('[type=number], [type=number] + button')) {
      allow(seed, has({ seed: (instrument.state.at(-1) + 1) % (this.about.controls.at(-1).highest + 1) }));
    }
  }

  /** The address of this page with a state of the instrument. */
  link(state) {
    const query = new URLSearchParams({ 'cell-id': this.call });
    this.about.controls.forEach(({ name }, i) => {
      if (state[i] !== this.about.start[i]) query.set(name, state[i]);
    });
    return `${location.href.split('#')[0]}#${query}`;
  }

  show(element) {
    element.replaceChildren();
    const view = new View(this.instrument, element);
    this.mark();
    dispatchEvent(new Event('resize')); // page.js gives what scrolls sideways to the keyboard
    return view;
  }
}

/** A file of frames: {frames: what is needed to write each, by state, …}. See pack() in bake.py. */
function unpack(file) {
  const frames = new Map();
  for (const shape of file.shapes) {
    let numbers = shape.text.slice(1).map(() => 0);
    for (const [state, said, steps, reached, units] of shape.frames) {
      numbers = numbers.map((number, i) => number + steps[i]);
      const name = key(state.map((place, i) => file.values[i][place]));
      frames.set(name, { text: shape.text, numbers, said, reached, units });
    }
  }
  return { ...file, shapes: null, frames };
}

const files = new Map(); // by address: several instruments of a page may share one
export async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error('the file with its frames is missing');
  return unpack(await new Response(answer.body.pipeThrough(new DecompressionStream('gzip'))).json());
}

async function awake(element) {
  const { frames, call, version } = element.dataset, live = element.querySelector('.live a').href;
  try {
    if (!files.has(frames)) files.set(frames, read(frames));
    const file = await files.get(frames);
    if (file.version !== version) {
      throw new Error('its frames are of another version of this page, so reload it');
    }
    new Baked(file, call, live, linked(call)).show(element);
  } catch (error) {
    const why = error instanceof TypeError ? 'its frames could not be loaded' : error.message;
    element.append(make('p', { class: 'td-note', role: 'status' }, `This is a still picture: ${why}.`));
  }
}

/** The state that the page's address asks for, or the start. */
const linked = call => ({ controls, start }) => {
  const query = new URLSearchParams(location.hash.slice(1));
  if (query.get('cell-id') !== call) return start;
  return controls.map(({ name, values, highest }, i) => {
    const asked = query.get(name);
    if (highest !== undefined) return /^\d{1,6}$/.test(asked) ? Number(asked) : start[i];
    return values.find(value => String(value) === asked) ?? start[i];
  });
};

// Questions

const store = {
  get(id) {
    try { return JSON.parse(localStorage.getItem(`td-${id}`)); } catch { return null; }
  },
  set(id, answer) {
    try { localStorage.setItem(`td-${id}`, JSON.stringify(answer)); } catch { /* it is not kept */ }
  },
};

/** The number that was typed, as questions.py reads it; NaN if it is none. */
export function parse(text) {
  const power = digits => `**(${[...digits].map(one => '0123456789-'['⁰¹²³⁴⁵⁶⁷⁸⁹⁻'.indexOf(one)]).join('')})`;
  const plain = text.toLowerCase().replace(/^[\s≈~=×x*+]+|[\s×x]+$/g, '').replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/g, power)
    .replace(/(\d*)([¼-¾⅐-⅞])/g, (_, n, part) => `(${n || 0}+${part.normalize('NFKD').replace('⁄', '/')})`)
    .replace(/\s+/g, ' ')
    .replace(/(?<![\d.,])[1-9]\d{0,2}(([,'’ ])\d{3}(\2\d{3})*)(?![\d,'’])/g, n => n.replace(/\D/g, ''))
    .replace(/(?<=\d),(?=\d)/g, '.').replace(/√ ?(\d[\d.]*)/g, 'sqrt($1)').replace(/√/g, 'sqrt')
    .replace(/π/g, 'pi').replace(/[−–]/g, '-').replace(/[×·⋅]|(?<!e)x|x(?!p)/g, '*').replace(/\^/g, '**')
    .replace(/^(.+)%$/, '($1)/100');
  // Nothing but arithmetic is evaluated.
  if (!/^([\d.+\-*/() e]|sqrt|exp|log|ln|pi){1,100}$/.test(plain) || /\/[/*]/.test(plain)) return NaN;
  const script = plain.replace(/(?<![\d.])e(?!xp)/g, 'Math.E')
    .replace(/sqrt|exp|log(10|2)?|ln|pi/g, name => `Math.${{ pi: 'PI', ln: 'log' }[name] ?? name}`)
    .replace(/(^|\()-/g, '$10-');
  try {
    const value = Function(`'use strict'; return (${script})`)();
    return Number.isFinite(value) ? value : NaN;
  } catch {
    return NaN;
  }
}

/** A number in four figures, as Python writes it. */
function figures(value) {
  const [digits, power] = value.toExponential(3).split('e').map(Number);
  if (power >= -4 && power < 4) return String(Number(value.toPrecision(4)));
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** The card that Python has written for an answer: {look, html}; undefined if it is no answer. */
export function judged({ about, answers }, given, sure) {
  const value = about.options ? about.options.indexOf(given) : parse(given);
  const found = answers.find(({ low, high }) => (low ?? -Infinity) <= value && value <= (high ?? Infinity));
  const read = figures(value);
  const words = { given: escaped(given), read: read === given ? '' : `, read as ${read}`, sure };
  return found && { ...found, html: found.html.replace(/\{(given|read|sure)\}/g, (_, name) => words[name]) };
}

/** The host of a question on a page: an answer is judged at once, and a prediction is settled, for good. */
function question(element) {
  const asked = JSON.parse(element.dataset.question), before = store.get(asked.about.id);
  veil(document.getElementById(`cell-id=${asked.truth}`)?.querySelector('.output'), asked.about.id);
  const show = pose(element, asked, asked.more, found => store.set(asked.about.id, found));
  if (before && judged(asked, ...before)) show(...before);
}

/** Ask one question of a family; `more` are those that can come after it, in their order, and then again. */
function pose(element, asked, more, keep) {
  const { about } = asked, { kind } = about;
  const show = (answer, sure) => {
    const found = judged(asked, answer, sure), settled = kind === 'prediction' && Boolean(found);
    if (found) keep([answer, sure]);
    const cards = found ? [[found.look, found.html]] : [['muted', escaped(about.missing)]];
    card.show({ asks: kind, answer, sure, cards, settled, over: settled, another: found && more.length });
  };
  const card = new Card(element, about, show, () => {
    const [next, ...others] = more;
    pose(element, next, [...others, next], () => {});
    element.querySelector('input')?.focus();
  });
  card.show({ asks: kind, cards: [] });
  return show;
}

/** What a cell shows is out of sight until the prediction is settled: a card opens the folds of its name. */
function veil(output, id) {
  if (!output) return;
  const fold = make('details', { class: `td-veil ${id}` }, make('summary', {}, VEIL));
  output.replaceWith(fold);
  fold.append(output);
}

document.querySelectorAll('[data-question]').forEach(question);
const coming = new IntersectionObserver(entries => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      coming.unobserve(target);
      awake(target);
    }
  }
}, { rootMargin: NEAR });
document.querySelectorAll('[data-frames]').forEach(element => coming.observe(element));
const call = new URLSearchParams(location.hash.slice(1)).get('cell-id');
const linkedCell = document.getElementById(`cell-id=${call}`);
linkedCell?.querySelector('.td-veil')?.setAttribute('open', '');
linkedCell?.scrollIntoView();
