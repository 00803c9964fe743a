// A question in the browser: what is asked, a field for the answer, and what is said of it. What is true and
// what is said was written by Python; here nothing is judged. A prediction comes with how sure one is.
// This module has two hosts: a notebook's widget (at the end), and a page (tools/web/lesson.js).
import { card, make } from './dom.js';

const SURE = Object.fromEntries([50, 60, 70, 80, 90, 100].map(sure => [sure, `${sure}%`]));
const WAIT = 3000; // ms after which a kernel that does not answer is said to be silent
const MUTE = 'Python does not answer yet: it is busy, or its kernel has ended. Run this cell again to go on.';

export const escaped = text => new Option(text).innerHTML;

/** A row or a column of radio marks. Nothing is chosen at first, and to choose commits nothing. */
const radios = (name, legend, look, texts) => {
  const marks = Object.entries(texts).map(([value, text]) => (
    `<label><input type="radio" name="${name}" value="${value}"><span>${escaped(text)}</span></label>`));
  return `<fieldset class="${look}"><legend>${legend}</legend>${marks.join('')}</fieldset>`;
};

/** One place on a page where a question is seen. */
export class Card {
  /** about: see `about` in widgets.py; commit(answer, sure), when both were given; more(), when wanted. */
  constructor(element, about, commit, more) {
    const { text, options, unit, precision, kind } = about;
    const answer = options ? radios('answer', text, 'td-choice', options) : `<div>${text}</div>
      <label class="td-number">Your answer ${unit} <input name="answer" autocomplete="off"
      placeholder="such as 1/8 or 3e-8"> <small>${precision}</small></label>`;
    const sure = kind === 'prediction' ? radios('sure', 'How sure are you?', 'td-sure', SURE) : '';
    this.form = make('form', { // keeps the marks of two questions apart
      class: 'td-ask', html: answer + sure, submit: event => event.preventDefault(),
      keydown: event => {
        if (event.key !== 'Enter' || event.target.type === 'button') return;
        event.preventDefault();
        this.submit();
      },
    });
    this.button = make('button', { class: 'td-commit', click: () => this.submit() });
    this.status = make('div', { role: 'status' });
    this.another = make('button', { class: 'td-another', hidden: true, click: more }, 'Another one like it');
    this.form.append(this.button, this.status, this.another);
    Object.assign(this, { about, commit, answer: this.form.elements.answer, sure: this.form.elements.sure });
    element.replaceChildren(this.form);
  }

  submit() {
    const { options, missing } = this.about, { value } = this.answer;
    const given = options ? options[value] : value.trim();
    if (!given) return this.lacks(this.answer, missing);
    if (this.asks === 'prediction' && !this.sure.value) {
      return this.lacks(this.sure, 'And how sure are you? Choose that, too: then it is a prediction.');
    }
    this.commit(given, this.asks === 'prediction' ? Number(this.sure.value) : null);
  }

  lacks(field, words) {
    this.say([['muted', escaped(words)]]);
    (field[0] ?? field).focus();
  }

  say(cards) {
    this.status.innerHTML = cards.map(card).join('');
  }

  /** Show a state: {asks: what an answer would be now, answer, sure, cards, settled, over, another}. */
  show({ asks, answer, sure, cards, settled, over, another }) {
    const { form, about } = this;
    this.asks = asks;
    if (answer) this.answer.value = about.options ? about.options.indexOf(answer) : answer;
    if (this.sure) {
      if (sure) this.sure.value = sure;
      form.querySelector('.td-sure').hidden = asks !== 'prediction';
    }
    this.button.textContent = asks === 'prediction' ? 'Commit prediction' : 'Check';
    for (const field of form.elements) field.disabled = Boolean(over) && field !== this.another;
    this.button.hidden = Boolean(over);
    this.another.hidden = !another;
    this.say(cards);
    if (settled && !this.settled) this.unfold();
    this.settled = settled;
  }

  /** Open what answers the prediction, as soon as it is there: a notebook draws its cells by and by. */
  unfold() {
    const open = () => {
      const folds = document.querySelectorAll(`details.${CSS.escape(this.about.id)}`);
      for (const fold of folds) fold.open = true;
      return folds.length > 0;
    };
    if (open()) return;
    this.watch = new MutationObserver(() => { if (open()) this.end(); });
    this.watch.observe(document.body, { childList: true, subtree: true });
  }

  /** Watch no longer: the card is taken away. */
  end() {
    this.watch?.disconnect();
  }
}

/** The host in a notebook. */
export default {
  render({ model, el }) {
    let waiting, shown;
    const send = message => {
      clearTimeout(waiting);
      waiting = setTimeout(() => shown.say([['muted', MUTE]]), WAIT);
      model.send(message);
    };
    const show = () => {
      clearTimeout(waiting);
      shown.show(model.get('_state'));
    };
    const pose = () => {
      const inside = el.contains(document.activeElement);
      shown?.end();
      shown = new Card(
        el, model.get('_about'), (answer, sure) => send({ answer, sure }), () => send({ another: true }));
      show();
      if (inside) (shown.answer[0] ?? shown.answer).focus(); // another question came under the hand
    };
    model.on('change:_state', show);
    model.on('change:_about', pose);
    pose();
    return () => {
      shown.end();
      model.off('change:_state', show);
      model.off('change:_about', pose);
    };
  },
};
