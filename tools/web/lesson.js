// A lesson's page, where no Python runs: instruments show frames that were baked, and questions can be answered.
// What is true, and what is said about an answer, was written by Python; here it is only looked up.
import { make, write } from './figure.js';
import { Instrument, View, key, ticks } from './instrument.js';

const GREY = 'What is grey moves, on this page, only while all else stands at the start, at a preset or at a challenge.';
const NEAR = '900px'; // of the window: then an instrument's file is loaded

/** The host of an instrument on a page: it has some frames, all of them at once, and no others. */
class Baked {
  constructor(file, call, live, asked) {
    this.about = { ...file.calls[call], paper: file.paper.replaceAll('td-paper', call) };
    Object.assign(this, { file, call });
    this.start = asked(this.about);
    this.absent = {
      last: true,
      problem: `Not on this page, which moves one control at a time from the start, a preset or a challenge. Press
        Reset, or <a href="${live}">run the lesson</a>: there everything moves.`,
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
    const ink = found.text.reduce((drawn, text, i) => drawn + (found.numbers[i - 1] / 100).toFixed(2) + text);
    return { says, ink, readouts, verdict: [word, sentence, tone], reached: found.reached, units: found.units, last: true };
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
    const { instrument, view } = this, boxes = view.root.querySelectorAll('.td-control');
    const has = moves => this.file.frames.has(key(instrument.after(moves)));
    const allow = (element, there) => { element.disabled = !there && element !== document.activeElement; };
    this.about.controls.filter(control => control.kind !== 'seed').forEach(({ name, values }, i) => {
      const there = values.map(value => has({ [name]: value }) || value === instrument.state[i]);
      const slider = boxes[i].querySelector('[type=range]');
      boxes[i].querySelectorAll('option, [type=radio]').forEach((option, j) => { option.disabled = !there[j]; });
      if (!slider) return;
      allow(slider, there.filter(Boolean).length > 1);
      if (there.every(Boolean)) ticks(slider, slider.ticks, values.length);
      else ticks(slider, there.flatMap((yes, j) => (yes ? [j] : [])), values.length, 'var(--td-measured)');
    });
    const grey = view.root.querySelector('.td-control :disabled') ? GREY : '';
    if ([GREY, ''].includes(instrument.note)) instrument.say(grey);
    for (const seed of view.root.querySelectorAll('[type=number], [type=number] + button')) {
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
    this.view = new View(this.instrument, element);
    this.mark();
    dispatchEvent(new Event('resize')); // page.js gives what scrolls sideways to the keyboard
  }
}

/** A file of frames: {frames: what is needed to write each, by state, …}. See pack() in bake.py. */
function unpack(file) {
  const frames = new Map();
  for (const shape of file.shapes) {
    let numbers = shape.text.slice(1).map(() => 0);
    for (const [state, said, steps, reached, units] of shape.frames) {
      numbers = numbers.map((number, i) => number + steps[i]);
      frames.set(key(state.map((place, i) => file.values[i][place])), { text: shape.text, numbers, said, reached, units });
    }
  }
  return { ...file, shapes: null, frames };
}

const files = new Map(); // by address: several instruments of a page may share one
async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error('the file with its frames is missing');
  return unpack(await new Response(answer.body.pipeThrough(new DecompressionStream('gzip'))).json());
}

async function awake(element) {
  const { frames, call, version } = element.dataset, live = element.querySelector('.live a').href;
  try {
    if (!files.has(frames)) files.set(frames, read(frames));
    const file = await files.get(frames);
    if (file.version !== version) throw new Error('its frames are of another version of this page, so reload it');
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
  get: id => { try { return JSON.parse(localStorage.getItem(`td-${id}`)); } catch { return null; } },
  set: (id, answer) => { try { localStorage.setItem(`td-${id}`, JSON.stringify(answer)); } catch { /* not kept */ } },
};

/** The number that was typed, as questions.py reads it; NaN if it is none. */
export function parse(text) {
  const power = digits => `**(${[...digits].map(one => '0123456789-'['⁰¹²³⁴⁵⁶⁷⁸⁹⁻'.indexOf(one)]).join('')})`;
  const plain = text.toLowerCase().replace(/^[\s≈~=×x*+]+|[\s×x]+$/g, '').replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/g, power)
    .replace(/(\d*)([¼-¾⅐-⅞])/g, (_, whole, part) => `(${whole || 0}+${part.normalize('NFKD').replace('⁄', '/')})`)
    .replace(/\s+/g, ' ').replace(/(?<![\d.,])[1-9]\d{0,2}(([,'’ ])\d{3}(\2\d{3})*)(?![\d,'’])/g, n => n.replace(/\D/g, ''))
    .replace(/(?<=\d),(?=\d)/g, '.').replace(/√ ?(\d[\d.]*)/g, 'sqrt($1)').replace(/√/g, 'sqrt')
    .replace(/π/g, 'pi').replace(/[−–]/g, '-').replace(/[×·⋅]|(?<!e)x|x(?!p)/g, '*').replace(/\^/g, '**').replace(/^(.+)%$/, '($1)/100');
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

/** What Python has to say about an answer: {correct, feedback}, or {problem}. */
function judge({ options, near, unread, answer, too_small, too_large, right }, given) {
  if (options) return options.find(option => option.text === given) ?? { problem: 'Choose one of the options first.' };
  const value = parse(given);
  if (Number.isNaN(value)) return { problem: unread };
  // A hint at how to find the number gives way, once it is settled, to how it is found: `why`.
  const found = near.find(({ low, high }) => low <= value && value <= high)
    ?? { correct: false, feedback: value < answer ? too_small : too_large, why: right };
  return { ...found, rounded: value.toPrecision(4) !== answer.toPrecision(4) };
}

function question(element) {
  const about = JSON.parse(element.dataset.question), { id, text, options, unit, prediction, truth } = about;
  const said = make('div', { role: 'status' }), header = make('div');
  header.innerHTML = text;
  const field = options
    ? make('fieldset', {}, make('legend', { class: 'td-hidden' }, 'Your answer'),
      ...options.map(option => make('label', {}, make('input', { type: 'radio', name: `td-${id}`, value: option.text }), option.text)))
    : make('label', {}, `Your answer ${unit} `, make('input', { type: 'text', name: `td-${id}`, placeholder: 'such as 1/8 or 3e-8', autocomplete: 'off' }));
  const sure = make('input', { type: 'range', min: 50, max: 100, step: 5, value: 50, input: () => write(level, `I am ${sure.value} % sure`) });
  const level = make('span', {}, 'I am 50 % sure');
  const button = make('button', { class: 'td-chip' }, prediction ? 'Commit prediction' : 'Check');
  const card = (look, html) => { said.innerHTML = `<div class="td-card td-${look}">${html}</div>`; };
  const quoted = given => `“${make('span', {}, given).innerHTML}”`;
  /** Show what is said of an answer; a prediction is settled then, for good. */
  const settle = (given, confidence) => {
    const { correct, feedback, why = feedback, rounded } = judge(about, given), look = correct ? 'good' : 'alarm';
    if (!prediction) {
      return card(look, `<b>${correct ? '✓ Right.' : '✗ Not yet.'}</b> ${feedback}<br><small>You wrote ${quoted(given)}.</small>`);
    }
    const mark = correct ? '✓ Right.' : '✗ Not so.', is = correct && !rounded ? '' : ` ${truth}`;
    card(look, `<b>${mark}${is}</b> You said ${quoted(given)}, ${confidence} % sure. ${why}`);
    for (const one of form.querySelectorAll('input, button')) one.disabled = true;
  };
  const submit = event => {
    event.preventDefault();
    const given = (new FormData(form).get(`td-${id}`) ?? '').trim(), { problem } = judge(about, given);
    if (problem) return card('muted', problem);
    store.set(id, [given, Number(sure.value)]);
    settle(given, sure.value);
  };
  const form = make('form', { class: 'td-ask td-form', submit }, header, field,
    ...(prediction ? [make('label', {}, level, sure)] : []), button, said);
  element.replaceChildren(form);
  const before = store.get(id);
  if (!before) return;
  for (const input of field.querySelectorAll('input')) {
    if (options) input.checked = input.value === before[0];
    else input.value = before[0];
  }
  sure.value = before[1];
  write(level, `I am ${sure.value} % sure`);
  if (!judge(about, before[0]).problem) settle(...before);
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
document.getElementById(`cell-id=${call}`)?.scrollIntoView();
