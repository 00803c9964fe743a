// The figure of an instrument: ink that Python drew, on paper that lies still; and what a hand does there. It drags
// what is a place, reads what lies under it, holds a curve as a ghost, and draws a guess before the truth is shown.
// What is read is looked up in the ink.

const BACK = { linear: u => u, log: u => 10 ** u, square: u => u * u, sinh: Math.sinh }; // from a scale to its values
const RAISED = Object.fromEntries([...'-0123456789'].map((digit, i) => [digit, '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'[i]]));
const SVG = 'http://www.w3.org/2000/svg';

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

/** Write only what is new: a screen reader speaks what changes. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A number as Python writes it (figures/numbers.py). */
export function short(value, digits = 3) {
  const size = Math.abs(value), sign = value < 0 ? '−' : '';
  if (size === 0 || (size >= 10 ** -2.5 && size < 9995)) return sign + Number(size.toPrecision(digits));
  const [figures, power] = size.toExponential(1).split('e');
  return `${sign}${figures} × 10${power.replace('+', '').replace(/./g, digit => RAISED[digit])}`;
}

/** The corners of a path, [x, y], in pieces: between two of them nothing is drawn. */
const pieces = path => (path?.getAttribute('d') ?? '').split('M').slice(1).map(piece => (
  piece.split('L').map(corner => corner.match(/^-?[\d.]+ -?[\d.]+/)[0].split(' ').map(Number))));

/** At which heights a drawn line passes a place. */
function heights(drawn, x) {
  const found = new Set();
  for (const piece of drawn) {
    piece.forEach(([here, y], i) => {
      const [before, height] = piece[i - 1] ?? [here, y];
      if (Math.abs(here - x) < 0.02) found.add(y);
      else if ((before - x) * (here - x) < 0 && Math.abs(before - x) >= 0.02) {
        found.add(height + (y - height) * (x - before) / (here - before));
      }
    });
  }
  return [...found].sort((one, other) => other - one); // the lowest value first
}

const inside = ([left, top, wide, high], x, y, margin = 1) => (
  x >= left - margin && x <= left + wide + margin && y >= top - margin && y <= top + high + margin);

/** Of these, the one for which `distance` is smallest. */
const nearest = (all, distance) => all.reduce((best, one) => (distance(one) < distance(best) ? one : best), all[0]);

export class Figure {
  constructor(instrument, near) {
    const { about } = instrument;
    Object.assign(this, { instrument, near, panels: about.panels, at: null, only: null });
    this.root = make('div', { class: 'td-figure' });
    this.root.innerHTML = about.paper;
    const box = this.root.firstElementChild.getAttribute('viewBox');
    this.width = Number(box.split(' ')[2]);
    [this.ghost, this.ink, this.marks] = ['td-ghost', 'td-ink', 'td-marks'].map(look => {
      this.root.insertAdjacentHTML('beforeend', `<svg class="${look}" viewBox="${box}" aria-hidden="true"></svg>`);
      return this.root.lastElementChild;
    });
    this.ink.removeAttribute('aria-hidden');
    this.ink.setAttribute('role', 'img');
    this.words = make('div', { class: 'td-reading', hidden: true, 'aria-hidden': 'true' });
    // By keyboard and for a screen reader: a slider that walks along the curves.
    this.walk = make('input', {
      type: 'range', class: 'td-hidden td-walk', min: 0, value: 0, 'aria-label': 'Read the figure',
      focus: () => this.walked(), input: () => this.walked(), blur: () => this.read(null), keydown: event => this.choose(event),
    });
    this.root.append(this.words, this.panels.length ? this.walk : '', ...this.guesses());
    this.listen();
  }

  draw(ink, says) {
    this.ink.innerHTML = ink;
    this.ink.setAttribute('aria-label', says);
    this.ghost.toggleAttribute('hidden', scale(ink) !== this.scale); // on other axes it would lie
    this.walk.hidden = this.instrument.guessing;
    this.emphasize();
    if (this.at) this.read(this.at);
    else this.mark();
  }

  /** Keep the present curves as a ghost, to compare with; or no longer. */
  hold(held) {
    this.ghost.innerHTML = held ? this.ink.innerHTML : '';
    this.scale = scale(this.instrument.frame.ink ?? '');
    this.ghost.toggleAttribute('hidden', false);
    for (const text of this.ghost.querySelectorAll('text')) text.remove(); // words are those of the present
  }

  // Reading

  /** All artists but texts, in the order of the paper's lists. */
  drawn() {
    return [...this.ink.children].filter(one => one.tagName === 'svg');
  }

  curves({ curves }) {
    const drawn = this.drawn();
    return curves.map(([at, label, kind]) => {
      const path = drawn[at]?.firstElementChild;
      const color = ['stroke', 'fill'].map(name => path?.getAttribute(name)).find(one => one && one !== 'none');
      return { at, label, kind, color, drawn: pieces(path) };
    });
  }

  value({ scale: [kind, start, step], unit }, place) {
    return BACK[kind]((start + step * place) * (this.instrument.frame.units?.[unit] ?? 1));
  }

  /** The value at a place along an axis, no finer than the ink tells. */
  text(axis, place, digits) {
    const [value, other] = [place, place + 0.02].map(one => this.value(axis, one));
    const grain = 10 ** Math.ceil(Math.log10(Math.abs(other - value)));
    const least = axis.unit !== undefined && axis.scale[1] + axis.scale[2] * place < -0.999; // and all below it
    return (least ? '≤ ' : '') + short(Math.round(value / grain) * grain, digits);
  }

  /** Where a panel can be read: [panel, x, y]. */
  stops(panel) {
    const curves = this.curves(panel), all = curves.map(({ kind, drawn }) => {
      const corners = drawn.flat();
      // A bar is read at its middle; its sides are drawn, too.
      if (kind === 'bars') return corners.slice(1).flatMap(([x, y], i) => (x > corners[i][0] ? [[(x + corners[i][0]) / 2, y]] : []));
      return kind === 'band' ? [] : corners;
    });
    const most = panel.plane ? all.flat() : nearest(all, corners => -corners.length) ?? [];
    return most.filter(([x, y]) => inside(panel.box, x, panel.plane ? y : panel.box[1])).map(([x, y]) => [panel, x, y])
      .filter(([, x], i, stops) => panel.plane || i === 0 || x > stops[i - 1][1]);
  }

  /** What is read there: {head, rows: [{label, text, color, ys}]}. */
  found([panel, x, y]) {
    const { box, words } = panel, fill = (text, axis, place) => text.replace('{}', this.text(axis, place, panel.plane ? 3 : 4));
    const curves = this.curves(panel);
    if (panel.plane) {
      const here = curves.filter(({ drawn }) => drawn.flat().some(corner => corner[0] === x && corner[1] === y));
      return { head: `${fill(words[0], panel.x, x)}, ${fill(words[1], panel.y, y)}`, rows: here.map(one => ({ ...one, text: '', ys: [y] })) };
    }
    const rows = curves.flatMap(({ drawn, kind, ...curve }) => {
      let ys = heights(drawn, x);
      if (kind === 'bars') ys = ys.slice(-1);
      if (!ys.length || !ys.every(height => inside(box, x, height))) return [];
      const texts = [...new Set(ys.map(height => this.text(panel.y, height)))];
      return [{ ...curve, ys: kind === 'band' ? [] : ys, text: texts.join(kind === 'band' ? ' to ' : ', ') }];
    });
    return { head: fill(words[0], panel.x, x), rows };
  }

  /** Show what is read at a stop; null: nothing is. */
  read(stop) {
    this.at = stop;
    this.words.hidden = !stop;
    if (stop) {
      const { head, rows } = this.found(stop), [{ box }, x] = stop, { scrollLeft, clientWidth } = this.root;
      const scale = this.ink.getBoundingClientRect().width / this.width, left = x * scale - scrollLeft < clientWidth / 2;
      Object.assign(this.words.style, {
        top: `${box[1] * scale}px`, left: `${x * scale + (left ? 10 : -10)}px`, transform: left ? '' : 'translateX(-100%)',
      });
      this.rows = rows;
      const seen = rows.filter(({ at }) => this.only?.includes(at) ?? true);
      this.words.replaceChildren(make('b', {}, head), ...seen.map(({ label, text, color }) => (
        make('span', { style: `border-color: ${color}` }, label, ' ', make('b', {}, text)))));
      const said = seen.map(({ label, text }) => `${label} ${text}`.trim()).join('; ');
      this.walk.setAttribute('aria-valuetext', `${head}: ${said || 'no curve'}`);
    }
    this.mark();
  }

  /** The keyboard has come to a stop. */
  walked() {
    const stops = this.panels.flatMap(panel => this.stops(panel));
    this.walk.max = Math.max(stops.length - 1, 0);
    this.read(stops[this.walk.valueAsNumber] ?? null);
  }

  /** Up and down: one curve after another, and then all again. */
  choose(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !this.at) return;
    event.preventDefault();
    const all = [null, ...this.rows.map(({ at }) => at)], now = all.indexOf(this.only?.[0] ?? null);
    const next = all[(now + step + all.length) % all.length];
    this.emphasize(next === null ? null : [next]);
    this.read(this.at);
  }

  /** Dim all curves but these. */
  emphasize(only = this.only) {
    this.only = only;
    this.drawn().forEach((one, i) => {
      one.style.opacity = only && !only.includes(i) ? 0.12 : '';
    });
  }

  /** Draw what is read, and the guess. */
  mark() {
    const { guess, shown, frame } = this.instrument, shapes = [];
    const shape = (tag, attributes) => {
      const element = document.createElementNS(SVG, tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      shapes.push(element);
    };
    if (this.at) {
      const [{ box, plane }, x] = this.at;
      if (!plane) shape('path', { class: 'td-rule', d: `M${x} ${box[1]}v${box[3]}` });
      for (const { ys, at } of this.rows) {
        if (this.only?.includes(at) ?? true) for (const y of ys) shape('circle', { cx: x, cy: y, r: 5 });
      }
    }
    if (guess && (!guess.done || (shown === guess.state && !frame.problem))) {
      shape('path', { class: 'td-guess', d: `M${guess.xs.map((x, i) => `${x} ${guess.ys[i]}`).join('L')}` });
      if (!guess.done) guess.xs.forEach((x, i) => shape('circle', { class: 'td-handle', cx: x, cy: guess.ys[i], r: 7 }));
    }
    this.marks.replaceChildren(...shapes);
  }

  // The guess

  /** For each of its handles a slider, for the keyboard. */
  guesses() {
    const { guess } = this.instrument;
    if (!guess) return [];
    const [, top,, high] = this.panels[guess.panel].box;
    const inputs = guess.xs.map((x, i) => make('input', {
      type: 'range', class: 'td-hidden td-walk td-guesses', min: 0, max: 100, 'aria-label': `Your guess at ${this.place(i)}`,
      input: ({ target }) => this.guessed(i, top + high * (1 - target.value / 100)),
    }));
    this.follow = () => inputs.forEach((input, i) => {
      input.value = 100 * (1 - (guess.ys[i] - top) / high);
      input.setAttribute('aria-valuetext', this.text(this.panels[guess.panel].y, guess.ys[i]));
      input.hidden = guess.done;
    });
    this.follow();
    return inputs;
  }

  place(i) {
    const { guess } = this.instrument, panel = this.panels[guess.panel];
    return panel.words[0].replace('{}', this.text(panel.x, guess.xs[i], 4));
  }

  guessed(i, y) {
    const { guess } = this.instrument, [, top,, high] = this.panels[guess.panel].box;
    guess.ys[i] = Math.min(Math.max(y, top), top + high);
    for (const view of this.instrument.views) {
      view.figure.follow();
      view.figure.mark();
    }
  }

  /** Where the guess is farthest off, in words. */
  compared() {
    const { guess } = this.instrument, { y } = this.panels[guess.panel];
    const truth = this.curves(this.panels[guess.panel]).find(({ at }) => at === guess.curve).drawn;
    const off = guess.xs.map((x, i) => [i, heights(truth, x)[0]]).filter(([, height]) => height !== undefined);
    const [i, height] = nearest(off, ([at, real]) => -Math.abs(guess.ys[at] - real));
    return `Farthest off at ${this.place(i)}: you drew ${this.text(y, guess.ys[i])}, and it is ${this.text(y, height)}.`;
  }

  // The hand

  /** Where the values of a control stand: along a side of the paper, or on the marks of an artist. */
  places(along) {
    return typeof along === 'number' ? pieces(this.drawn()[along].firstElementChild).flat() : along;
  }

  listen() {
    const { instrument, ink } = this, { places, legend } = instrument.about;
    let held = null;
    const point = event => new DOMPoint(event.clientX, event.clientY).matrixTransform(ink.getScreenCTM().inverse());
    const over = ({ x, y }) => places.find(({ box }) => inside(box, x, y, 8));
    const drag = ({ x, y }) => {
      if (instrument.guessing) {
        const { xs } = instrument.guess;
        return this.guessed(xs.indexOf(held ??= nearest(xs, place => Math.abs(place - x))), y);
      }
      const moves = {}, at = { x, y }, sides = ['x', 'y'].filter(side => held[side]);
      const controls = sides.map(side => instrument.controls[instrument.index(held[side][0])]);
      sides.forEach((side, i) => {
        const [, along, values = controls[i].values] = held[side], places = this.places(along);
        const distance = place => (!Array.isArray(place) ? Math.abs(place - at[side])
          : sides[1] ? Math.abs(place[side === 'y' ? 1 : 0] - at[side]) : Math.hypot(place[0] - x, place[1] - y));
        const there = places.filter((_, j) => controls[i].values.includes(values[j]));
        moves[controls[i].name] = values[places.indexOf(nearest(there, distance))];
      });
      const next = () => controls.flatMap(control => this.near(control)().slice(0, 30));
      // A page may have both sides, or only one at a time.
      const states = [moves, ...Object.entries(moves).map(one => Object.fromEntries([one]))].map(one => instrument.after(one));
      return instrument.go(states.find(state => instrument.there(state)) ?? states[0], next);
    };
    const look = at => {
      if (instrument.guessing) return;
      const entry = legend.find(({ box }) => inside(box, at.x, at.y));
      if ((entry ?? null) !== this.entry) this.emphasize((this.entry = entry ?? null)?.curves ?? null);
      const panel = this.panels.find(({ box }) => inside(box, at.x, at.y));
      const distance = ([, x, y]) => Math.hypot(x - at.x, panel.plane ? y - at.y : 0);
      this.read(panel ? nearest(this.stops(panel), distance) ?? null : null);
    };
    const on = (name, listener) => ink.addEventListener(name, listener);
    on('pointerdown', event => {
      const at = point(event);
      held = null;
      if (instrument.guessing ? !inside(this.panels[instrument.guess.panel].box, at.x, at.y, 8) : !(held = over(at))) return look(at);
      event.preventDefault(); // selects no text
      ink.setPointerCapture(event.pointerId);
      this.dragging = true;
      return drag(at);
    });
    on('pointermove', event => {
      const at = point(event);
      if (this.dragging) drag(at);
      ink.style.cursor = over(at) || instrument.guessing ? 'grab' : '';
      look(at);
    });
    for (const end of ['pointerup', 'pointercancel']) on(end, () => { this.dragging = false; });
    on('pointerleave', event => { if (event.pointerType === 'mouse') look({ x: -99, y: -99 }); });
    ink.style.touchAction = places.length || instrument.guess ? 'pan-y' : '';
  }
}

/** What moving tick labels say: curves can be compared where it is the same. */
const scale = ink => (ink.match(/text-anchor="end"[^>]*>[^<]*/g) ?? []).join();
