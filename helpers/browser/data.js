// What a figure shows in two other forms: its curves as tables, and as sound. Both follow the newest frame.
// How high a value sounds was said by Python (figures/sound.py). Here notes are only played, when asked for.
import { make, toggle, write } from './dom.js';

const MOST = 120; // rows of a table, and notes of a curve
const AFTER = 3; // notes for what has no value, where a curve has ended
const LOUD = { sine: 0.3, square: 0.1, sawtooth: 0.15 };
const FADE = 0.01; // seconds: without fading a note clicks
const PAUSE = 150; // ms without a new frame after which the tables are written

let context; // of all sounds on the page: made by the first click, as a browser asks

/** At most MOST of all, evenly, with both ends. */
const some = all => (all.length <= MOST ? all
  : Array.from({ length: MOST }, (_, i) => all[Math.round(i * (all.length - 1) / (MOST - 1))]));

/** Sound a note for so many seconds. */
function sound([frequency, type], start, seconds) {
  const tone = new OscillatorNode(context, { type, frequency }), volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(LOUD[type], start + FADE);
  volume.gain.setValueAtTime(LOUD[type], start + seconds - FADE);
  volume.gain.linearRampToValueAtTime(0, start + seconds);
  tone.connect(volume).connect(context.destination);
  tone.start(start);
  tone.stop(start + seconds);
  return tone;
}

export class Data {
  constructor(figure) {
    const named = panel => panel.title || panel.words.join().replace('{}', '').trim();
    const groups = figure.panels.map(panel => make('optgroup', { label: named(panel) },
      ...panel.curves.map(([at, label]) => make('option', { value: at }, label))));
    Object.assign(this, { figure, named, playing: [] });
    this.curve = make('select', { change: () => this.choose([Number(this.curve.value)]) }, ...groups);
    this.curve.value = figure.panels[0]?.main;
    const button = (name, title, click) => make('button', { class: 'td-chip td-button', title, click }, name);
    const title = 'All of the curve, a gradient on its way back: the higher it stands, the higher it sounds';
    this.play = button('Hear it', title, () => (this.timer ? this.stop() : this.start()));
    const walk = button('Sound while reading', 'A note at each step along the figure by keyboard');
    toggle(walk, 'aria-pressed', on => { figure.heard = on ? stop => this.heard(stop) : null; });
    const label = 'Data of the figure';
    this.tables = make('div', { class: 'td-tables', role: 'region', 'aria-label': label, tabindex: 0 });
    const row = make('div', { class: 'td-row' }, make('label', {}, 'Curve ', this.curve), this.play, walk);
    this.root = make('div', { class: 'td-data', hidden: true }, row, this.tables);
  }

  show(open) {
    this.root.hidden = !open;
    this.stop();
    this.write();
  }

  /** There is a new frame. */
  renew() {
    this.stop();
    this.root.toggleAttribute('inert', this.figure.instrument.guessing);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.write(), PAUSE);
  }

  // The tables

  write() {
    if (!this.root.hidden) this.tables.replaceChildren(...this.figure.panels.map(panel => this.table(panel)));
  }

  table(panel) {
    const { figure } = this, { curves, plane } = panel, stops = figure.stops(panel), shown = some(stops);
    const row = (...cells) => make('tr', {}, ...cells), th = (scope, words) => make('th', { scope }, words);
    const heads = plane ? ['curve'] : curves.map(([, label]) => label);
    const rows = shown.map(stop => {
      const { head, rows: all } = figure.there(stop), here = all.filter(({ ys }) => ys.length);
      // In a plane a place is read, and whose it is.
      const cells = plane ? [here.map(({ label }) => label).join(', ')] : all.map(({ text }) => text || '–');
      return row(th('row', head), ...cells.map(text => make('td', {}, text)));
    });
    const part = shown.length < stops.length ? `: ${shown.length} of ${stops.length} places` : '';
    return make(
      'table', {}, make('caption', {}, this.named(panel) + part),
      make('thead', {}, row(make('td'), ...heads.map(name => th('col', name)))), make('tbody', {}, ...rows),
    );
  }

  // The sound

  /** The chosen curve alone is bright. */
  choose(only) {
    this.figure.emphasize(only);
    this.figure.read(this.figure.at);
  }

  /** What sounds at a stop, of the chosen curve. */
  notes(stop, chosen) {
    const { ys } = this.figure.there(stop).rows.find(({ at }) => at === chosen);
    return this.figure.notes(stop[0], ys);
  }

  /** The hand has come to a stop. */
  heard(stop) {
    if (this.root.hidden) return;
    const [panel] = stop, only = this.figure.only?.[0] ?? Number(this.curve.value);
    const chosen = panel.curves.some(([at]) => at === only) ? only : panel.main;
    this.curve.value = chosen;
    this.stop();
    this.sound([this.notes(stop, chosen)], panel.tone.note);
  }

  /** All of the curve, on its way: from left to right, or back; as long as there is something to hear. */
  start() {
    const { figure } = this, chosen = Number(this.curve.value);
    const panel = figure.panels.find(({ curves }) => curves.some(([at]) => at === chosen));
    let all = some(figure.stops(panel)).map(stop => [stop, this.notes(stop, chosen)]);
    const valued = all.map(([, [[frequency]]]) => frequency !== panel.tone.lost);
    if (panel.plane) all = all.filter((_, i) => valued[i]);
    else all = all.slice(Math.max(valued.indexOf(true), 0), valued.lastIndexOf(true) + 1 + AFTER);
    if (!all.length) return;
    if (panel.backwards) all.reverse();
    const seconds = Math.min(panel.tone.note, panel.tone.longest / all.length);
    const begun = this.sound(all.map(([, notes]) => notes), seconds);
    write(this.play, 'Stop');
    this.timer = setInterval(() => {
      const now = Math.floor((context.currentTime - begun) / seconds);
      if (now >= all.length) this.stop();
      else if (now >= 0) figure.read(all[now][0]);
    }, 30);
  }

  /** Sound chords, one after another. Returns when that begins. */
  sound(chords, seconds) {
    context ??= new AudioContext();
    context.resume();
    const begin = context.currentTime + 0.05;
    this.playing = chords.flatMap((notes, i) => notes.map(note => sound(note, begin + i * seconds, seconds)));
    return begin;
  }

  stop() {
    for (const tone of this.playing) tone.stop();
    this.playing = [];
    if (!this.timer) return;
    this.timer = clearInterval(this.timer);
    write(this.play, 'Hear it');
    this.figure.read(null);
  }
}
