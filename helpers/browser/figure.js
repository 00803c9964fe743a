// The figure of an instrument: ink that Python drew, on paper that lies still; and what a hand does there. It
// drags what is a place, reads what lies under it, holds a curve as a ghost, and draws a guess before the
// truth is shown. What is read, and how high it sounds, is looked up in the ink.
import { make } from './dom.js';

// From a scale to its values.
const BACK = { linear: u => u, log: u => 10 ** u, square: u => u * u, sinh: Math.sinh };
const RAISED = Object.fromEntries([...'-0123456789'].map((digit, i) => [digit, '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'[i]]));
const AWAY = { x: -99, y: -99 };

/** A number as Python writes it (figures/numbers.py). */
export function short(value, digits = 3) {
  const size = Math.abs(value), sign = value < 0 ? '−' : '';
  if (size === 0 || (size >= 10 ** -2.5 && size < 9995)) return sign + Number(size.toPrecision(digits));
  const [figures, power] = size.toExponential(1).split('e');
  return `${sign}${figures}\u00a0×\u00a010${power.replace('+', '').replace(/./g, digit => RAISED[digit])}`;
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

const within = (value, low, high) => Math.min(Math.max(value, low), high);

/** Of these, the one for which `distance` is smallest. */
const nearest = (all, distance) => (
  all.reduce((best, one) => (distance(one) < distance(best) ? one : best), all[0]));

/** Write an SVG anew, but for the parts that stay: a text that need not be laid out again is half the work. */
function renew(svg, html) {
  const parsed = svg.cloneNode(), old = [...svg.children];
  parsed.innerHTML = html;
  const fresh = [...parsed.children];
  fresh.forEach((one, i) => {
    if (!old[i]) svg.append(one);
    else if (!one.isEqualNode(old[i])) old[i].replaceWith(one);
  });
  for (const one of old.slice(fresh.length)) one.remove();
}

export class Figure {
  constructor(instrument) {
    const { paper, panels } = instrument.about, { guess } = instrument;
    const [, box] = paper.match(/viewBox="([^"]*)"/);
    this.root = make('div', { class: 'td-figure', html: `${paper}
      <svg class="td-ghost" viewBox="${box}" aria-hidden="true"></svg>
      <svg class="td-ink" viewBox="${box}" role="img"></svg>
      <svg class="td-marks" viewBox="${box}" aria-hidden="true"></svg>` });
    [, this.ghost, this.ink, this.marks] = this.root.children;
    Object.assign(this, { instrument, panels, width: Number(box.split(' ')[2]) });
    // The stop that is read, the curves that are not dimmed, and what the ink was found to hold.
    Object.assign(this, { at: null, only: null, parsed: {} });
    this.words = make('div', { class: 'td-reading', hidden: true, 'aria-hidden': 'true' });
    // For the keyboard and a screen reader: a slider that walks along the curves, one for each dot to guess.
    const slider = more => (
      make('input', { type: 'range', class: 'td-hidden td-walk', min: 0, value: 0, ...more }));
    this.walk = slider({
      'aria-label': 'Read the figure', focus: () => this.walked(), input: () => this.walked(),
      blur: () => this.read(null), keydown: event => this.choose(event),
    });
    this.dots = (guess?.xs ?? []).map((_, i) => slider({
      max: 100, 'aria-label': `Your guess at ${this.place(i)}`,
      input: ({ target }) => {
        const [, top,, high] = panels[guess.panel].box;
        this.guessed(i, top + high * (1 - target.value / 100));
      },
    }));
    this.follow();
    this.root.append(this.words, panels.length ? this.walk : '', ...this.dots);
    this.listen();
  }

  draw(ink, says) {
    this.parsed = {};
    renew(this.ink, ink);
    this.ink.setAttribute('aria-label', says);
    this.ghost.toggleAttribute('hidden', String(this.instrument.frame.units) !== this.units);
    this.walk.hidden = this.instrument.guessing;
    this.emphasize();
    if (this.at) this.read(this.at);
    else this.mark();
  }

  /** Keep the present curves as a ghost, to compare with; or no longer. */
  hold(held) {
    this.ghost.innerHTML = held ? this.ink.innerHTML : '';
    this.units = String(this.instrument.frame.units); // of axes that rescale: on others it would lie
    this.ghost.toggleAttribute('hidden', false);
    for (const text of this.ghost.querySelectorAll('text')) text.remove(); // words are those of the present
  }

  // Reading

  /** What `find` makes of the ink, kept until there is another. */
  once(name, find) {
    return (this.parsed[name] ??= find());
  }

  /** All artists but texts, in the order of the paper's lists. */
  drawn() {
    return [...this.ink.children].filter(one => one.tagName === 'svg');
  }

  curves(panel) {
    return this.once(`curves ${panel.box}`, () => panel.curves.map(([at, label, kind]) => {
      const path = this.drawn()[at]?.firstElementChild, colors = ['stroke', 'fill'];
      const color = colors.map(name => path?.getAttribute(name)).find(one => one && one !== 'none');
      return { at, label, kind, color, drawn: pieces(path) };
    }));
  }

  value({ scale: [kind, start, step], unit }, place) {
    return BACK[kind]((start + step * place) * (this.instrument.frame.units?.[unit] ?? 1));
  }

  /** The value at a place along an axis, no finer than the ink tells. */
  text(axis, place, digits) {
    const [value, other] = [place, place + 0.02].map(one => this.value(axis, one));
    const grain = 10 ** Math.ceil(Math.log10(Math.abs(other - value)));
    return short(Math.round(value / grain) * grain, digits);
  }

  /** What an axis has for a height: the nearest place on it, and a word if the value is not there. */
  nearby({ y: { unit, scale: [, start, step] }, box: [, top,, high] }, place) {
    const inner = within(place, top, top + high);
    // At the lower end of an axis that rescales stand all values below it, too.
    if (unit !== undefined && start + step * inner < -0.999) return [inner, '≤'];
    return [inner, Math.abs(place - inner) <= 1 ? '' : place < inner ? 'above' : 'below'];
  }

  /** A height in words. */
  level(panel, place) {
    const [inner, word] = this.nearby(panel, place);
    return `${word} ${this.text(panel.y, inner)}`.trim();
  }

  /** What sounds at these heights: [frequency, shape] for each. See figures/sound.py. */
  notes(panel, ys) {
    if (!ys.length) return [[panel.tone.lost, 'sawtooth']];
    return ys.map(place => {
      const [inner, word] = this.nearby(panel, place);
      return [this.value(panel.tone, inner), word ? 'square' : 'sine'];
    });
  }

  /** Where a panel can be read: [panel, x, y]. */
  stops(panel) {
    return this.once(`stops ${panel.box}`, () => {
      const all = this.curves(panel).map(({ kind, drawn }) => {
        const corners = drawn.flat();
        if (kind !== 'bars') return kind === 'band' ? [] : corners;
        // A bar is read at its middle; its sides are drawn, too.
        return corners.slice(1).map(([x, y], i) => [(x + corners[i][0]) / 2, y, x > corners[i][0]])
          .filter(([,, top]) => top);
      });
      const most = panel.plane ? all.flat() : nearest(all, corners => -corners.length) ?? [];
      return most.filter(([x, y]) => inside(panel.box, x, panel.plane ? y : panel.box[1]))
        .map(([x, y]) => [panel, x, y])
        .filter(([, x], i, stops) => panel.plane || i === 0 || x > stops[i - 1][1]);
    });
  }

  /** What there is at a stop: {head, rows}, a row for each curve: its `ys`, and in words `text`. */
  there([panel, x, y]) {
    const { words, plane } = panel;
    const head = words.map((word, i) => (
      word.replace('{}', this.text(i ? panel.y : panel.x, i ? y : x, plane ? 3 : 4)))).join(', ');
    const rows = this.curves(panel).map(curve => {
      if (plane) {
        const here = curve.drawn.flat().some(corner => corner[0] === x && corner[1] === y);
        return { ...curve, ys: here ? [y] : [], text: '' };
      }
      const ys = heights(curve.drawn, x).slice(curve.kind === 'bars' ? -1 : 0);
      const texts = [...new Set(ys.map(height => this.level(panel, height)))];
      return { ...curve, ys, text: texts.join(curve.kind === 'band' ? ' to ' : ', ') };
    });
    return { head, rows };
  }

  /** Show what is read at a stop; null: nothing is. */
  read(stop) {
    this.at = stop;
    this.words.hidden = !stop;
    if (stop) {
      const [{ box }, x] = stop, { head, rows } = this.there(stop), { scrollLeft, clientWidth } = this.root;
      const scale = this.ink.getBoundingClientRect().width / this.width, across = x * scale;
      const [gap, transform] = across - scrollLeft < clientWidth / 2 ? [10, ''] : [-10, 'translateX(-100%)'];
      Object.assign(this.words.style, { top: `${box[1] * scale}px`, left: `${across + gap}px`, transform });
      this.rows = rows.filter(({ ys }) => ys.length && ys.every(y => inside(box, x, y)));
      const seen = this.rows.filter(({ at }) => this.only?.includes(at) ?? true);
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
    if (this.at) this.heard?.(this.at);
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
    this.heard?.(this.at);
  }

  /** Dim all curves but these. */
  emphasize(only = this.only) {
    this.only = only;
    this.drawn().forEach((one, i) => {
      const opacity = only && !only.includes(i) ? '0.12' : '';
      if (one.style.opacity !== opacity) one.style.opacity = opacity;
    });
  }

  /** Draw what is read, and the guess. */
  mark() {
    const { guess, shown, frame } = this.instrument, marks = [];
    const circle = (x, y, r, look) => marks.push(`<circle cx="${x}" cy="${y}" r="${r}" class="${look}"/>`);
    if (this.at) {
      const [{ box, plane }, x] = this.at;
      if (!plane) marks.push(`<path class="td-rule" d="M${x} ${box[1]}v${box[3]}"/>`);
      for (const { ys, at, kind } of this.rows) {
        if (kind !== 'band' && (this.only?.includes(at) ?? true)) ys.forEach(y => circle(x, y, 5, 'td-here'));
      }
    }
    if (guess && (!guess.done || (shown === guess.state && !frame.problem))) {
      const dots = guess.xs.map((x, i) => [x, guess.ys[i]]);
      marks.push(`<path class="td-guess" d="M${dots.map(dot => dot.join(' ')).join('L')}"/>`);
      dots.forEach(([x, y]) => circle(x, y, guess.done ? 4 : 7, 'td-handle'));
      const middle = dots.length >> 1, [x, y] = dots[middle], aside = this.truth(middle) < y ? 18 : -9;
      if (guess.done) marks.push(`<text class="td-own" x="${x}" y="${y + aside}">your guess</text>`);
    }
    this.marks.innerHTML = marks.join('');
  }

  // The guess

  place(i) {
    const { guess } = this.instrument, panel = this.panels[guess.panel];
    return panel.words[0].replace('{}', this.text(panel.x, guess.xs[i], 4));
  }

  /** The sliders of the dots stand where the guess is. */
  follow() {
    const { guess } = this.instrument;
    this.dots.forEach((dot, i) => {
      const panel = this.panels[guess.panel], [, top,, high] = panel.box;
      dot.value = 100 * (1 - (guess.ys[i] - top) / high);
      dot.setAttribute('aria-valuetext', this.level(panel, guess.ys[i]));
      dot.hidden = guess.done;
    });
  }

  guessed(i, y) {
    const { guess, views } = this.instrument, [, top,, high] = this.panels[guess.panel].box;
    guess.ys[i] = within(y, top, top + high);
    for (const { figure } of views) {
      figure.follow();
      figure.mark();
    }
  }

  /** How high the curve that is guessed runs at a dot, where it is drawn. */
  truth(i) {
    const { guess } = this.instrument, curves = this.curves(this.panels[guess.panel]);
    return heights(curves.find(({ at }) => at === guess.curve)?.drawn ?? [], guess.xs[i])[0];
  }

  /** Where the guess is farthest off, in words. */
  compared() {
    const { guess } = this.instrument, panel = this.panels[guess.panel];
    const real = guess.xs.map((_, i) => [i, this.truth(i)]).filter(([, y]) => y !== undefined);
    const [i, height] = nearest(real, ([at, y]) => -Math.abs(guess.ys[at] - y));
    const [drew, is] = [guess.ys[i], height].map(y => this.level(panel, y));
    return `Farthest off at ${this.place(i)}: you drew ${drew}, and it is ${is}.`;
  }

  // The hand

  listen() {
    const { ink, instrument } = this;
    let held = null; // what the hand has taken: a function of where it goes
    const hand = {
      pointerdown: (at, event) => {
        held = this.grip(at);
        if (!held) return this.look(at);
        event.preventDefault(); // selects no text
        ink.setPointerCapture(event.pointerId);
        return held(at);
      },
      pointermove: at => {
        held?.(at);
        ink.style.cursor = this.grip(at) ? 'grab' : '';
        this.look(at);
      },
      pointerup: () => { held = null; },
      pointercancel: () => { held = null; },
      pointerleave: (at, event) => event.pointerType === 'mouse' && this.look(AWAY),
    };
    const at = ({ clientX, clientY }) => (
      new DOMPoint(clientX, clientY).matrixTransform(ink.getScreenCTM().inverse()));
    for (const [name, act] of Object.entries(hand)) {
      ink.addEventListener(name, event => act(at(event), event));
    }
    ink.style.touchAction = instrument.about.places.length || instrument.guess ? 'pan-y pinch-zoom' : '';
  }

  /** What a hand takes here: a dot of the guess, or settings that are a place. */
  grip({ x, y }) {
    const { guess, guessing, about } = this.instrument;
    if (guessing) {
      const dot = guess.xs.indexOf(nearest(guess.xs, place => Math.abs(place - x)));
      return inside(this.panels[guess.panel].box, x, y, 8) ? at => this.guessed(dot, at.y) : null;
    }
    const place = about.places.find(({ box }) => inside(box, x, y, 8));
    return place ? at => this.drag(place, [at.x, at.y]) : null;
  }

  /** Make the settings whose values stand nearest: along a side of the paper, or on an artist's marks. */
  drag(place, at) {
    const { instrument } = this, sides = [place.x, place.y].filter(Boolean), moves = {};
    for (const side of sides) {
      const [name, along, values = instrument.control(name).values] = side, i = side === place.x ? 0 : 1;
      const spots = typeof along === 'number' ? pieces(this.drawn()[along].firstElementChild).flat() : along;
      const off = spot => (sides.length === 2 || !spot.length ? Math.abs((spot[i] ?? spot) - at[i])
        : Math.hypot(spot[0] - at[0], spot[1] - at[1]));
      const there = spots.filter((_, j) => instrument.control(name).values.includes(values[j]));
      moves[name] = values[spots.indexOf(nearest(there, off))];
    }
    const around = ([name]) => instrument.near(instrument.control(name))().slice(0, 30);
    instrument.next = () => sides.flatMap(around);
    // A page may have both sides, or only one at a time.
    const one = Object.entries(moves).map(([name, value]) => ({ [name]: value }));
    const states = [moves, ...one].map(some => instrument.after(some));
    instrument.go(states.find(state => instrument.there(state)) ?? states[0]);
  }

  /** A pointer is here: read the nearest stop; on an entry of the legend, dim the other curves. */
  look({ x, y }) {
    if (this.instrument.guessing) return;
    const entry = this.instrument.about.legend.find(({ box }) => inside(box, x, y)) ?? null;
    if (entry !== (this.entry ?? null)) this.emphasize((this.entry = entry)?.curves ?? null);
    const panel = this.panels.find(({ box }) => inside(box, x, y));
    const distance = stop => Math.hypot(stop[1] - x, panel.plane ? stop[2] - y : 0);
    this.read(panel ? nearest(this.stops(panel), distance) ?? null : null);
  }
}
